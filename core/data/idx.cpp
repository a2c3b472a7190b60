#include "core/data/idx.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>
#include <vector>

#include "core/data/gzip.h"
#include "core/data/mapped_file.h"
#include "core/error.h"

namespace convoy {

namespace {

constexpr std::uint64_t kLargestGzip = std::uint64_t{4} << 30;
constexpr std::uint32_t kLargestSide = 4096;
constexpr const char* kHint =
    "data.mnist.path is the directory of train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    "t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte, each as it is or with .gz (Fashion-MNIST: Debian's package "
    "dataset-fashion-mnist)";

enum class Kind { images, labels };

struct Header {
  std::int64_t count = 0;
  std::int64_t height = 1, width = 1;
  std::uint64_t payload() const {
    return static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(height * width);
  }
};

constexpr std::size_t header_bytes(Kind kind) { return kind == Kind::images ? 16 : 8; }

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

Header parse_header(const std::string& path, std::span<const std::uint8_t> bytes, Kind kind) {
  const std::uint32_t expected = kind == Kind::images ? 0x803 : 0x801;
  const std::uint32_t magic = bytes.size() < 4 ? expected : big_endian(bytes.data());
  if (magic != expected) {
    throw DataError(
        "{}: starts with 0x{:08x}, expected 0x{:08x} (IDX, unsigned bytes, {}); is it the right file?", path,
        magic, expected, kind == Kind::images ? "3 axes" : "1 axis");
  }
  if (bytes.size() < header_bytes(kind)) {
    throw DataError("{}: has {} bytes, less than an IDX header of {}; get the file again", path, bytes.size(),
                    header_bytes(kind));
  }
  Header header{.count = big_endian(bytes.data() + 4)};
  if (header.count == 0) throw DataError("{}: holds no samples; get the file again", path);
  if (kind == Kind::labels) return header;
  const std::uint32_t height = big_endian(bytes.data() + 8), width = big_endian(bytes.data() + 12);
  if (height == 0 || width == 0 || height > kLargestSide || width > kLargestSide) {
    throw DataError("{}: pictures of {} x {} pixels, expected 1 to {}; get the file again", path, height,
                    width, kLargestSide);
  }
  header.height = height;
  header.width = width;
  return header;
}

void check_payload(const std::string& path, std::uint64_t found, const Header& header) {
  if (found == header.payload()) return;
  throw DataError(
      "{}: is {}: has {} bytes after its header, which announces {} ({} of {} x {}); get the file again",
      path, found < header.payload() ? "truncated" : "too long", found, header.payload(), header.count,
      header.height, header.width);
}

/// A file's values, mapped or inflated.
struct IdxFile {
  MappedFile file;
  Header header;
  std::vector<std::uint8_t> inflated;
  std::span<const std::uint8_t> values;  ///< of file or of inflated
};

void inflate_values(IdxFile& idx, Kind kind) {
  const auto& path = idx.file.path();
  const auto compressed = idx.file.bytes();
  GzipReader reader(path, compressed);
  std::array<std::uint8_t, 16> start{};
  const std::size_t got = reader.read(std::span(start).first(header_bytes(kind)));
  idx.header = parse_header(path, std::span(start).first(got), kind);
  const std::uint64_t payload = idx.header.payload();
  if (payload > kLargestGzip) {
    throw DataError(
        "{}: announces {} bytes, more than the {} that are inflated into memory; unpack it with gunzip", path,
        payload, kLargestGzip);
  }
  // A small file cannot make us allocate much: what it announces is compared with what it can hold.
  if (payload > GzipReader::most_inflated(compressed.size())) {
    throw DataError("{}: announces {} bytes, more than {} compressed bytes can hold; get the file again",
                    path, payload, compressed.size());
  }
  idx.inflated.resize(payload);
  check_payload(path, reader.read(idx.inflated), idx.header);
  std::array<std::uint8_t, 1> more{};
  if (reader.read(more) != 0) {
    throw DataError(
        "{}: is too long: has more than the {} bytes that its header announces; get the file again", path,
        payload);
  }
  idx.values = idx.inflated;
}

IdxFile load(const std::string& path, Kind kind) {
  IdxFile idx;
  idx.file = MappedFile(path, kHint);
  if (is_gzip(idx.file.bytes())) {
    inflate_values(idx, kind);
  } else {
    const auto bytes = idx.file.bytes();
    idx.header = parse_header(path, bytes, kind);
    check_payload(path, bytes.size() - header_bytes(kind), idx.header);
    idx.values = bytes.subspan(header_bytes(kind));
  }
  return idx;
}

/// The first of the usual spellings that exists.
std::string find(const std::string& directory, Split split, Kind kind) {
  const std::string stem =
      std::string(split == Split::train ? "train" : "t10k") + (kind == Kind::images ? "-images" : "-labels");
  const std::string type = kind == Kind::images ? "idx3-ubyte" : "idx1-ubyte";
  std::error_code ignored;
  for (const char* separator : {"-", "."}) {
    for (const char* ending : {"", ".gz"}) {
      auto path = directory + "/" + stem + separator + type + ending;
      if (std::filesystem::exists(path, ignored)) return path;
    }
  }
  throw DataError("{}/{}-{}: no such file, nor with .gz; {}", directory, stem, type, kHint);
}

class Idx : public Dataset {
 public:
  Idx(std::string name, IdxFile images, IdxFile labels, int classes)
      : Dataset(std::move(name), Shape{images.header.height, images.header.width, 1},
                numbered_classes(classes), images.header.count),
        images_(std::move(images)),
        labels_file_(std::move(labels)),
        labels_(labels_file_.values.begin(), labels_file_.values.end()) {
    const auto wrong =
        std::find_if(labels_.begin(), labels_.end(), [&](int label) { return label >= classes; });
    if (wrong != labels_.end()) {
      throw DataError(
          "{}: record {} has label {}, expected 0 to {}; the file is damaged or of another data set",
          labels_file_.file.path(), wrong - labels_.begin(), *wrong, classes - 1);
    }
  }

  int label(std::int64_t i) const override { return labels_[static_cast<std::size_t>(i)]; }

  void read(std::int64_t i, std::uint8_t* hwc) const override {
    std::memcpy(hwc, images_.values.data() + i * sample_bytes(), static_cast<std::size_t>(sample_bytes()));
  }

  void verify_unchanged() const override {
    images_.file.verify_unchanged();
    labels_file_.file.verify_unchanged();
  }

 private:
  IdxFile images_;
  IdxFile labels_file_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace

DatasetPtr open_idx(const IdxOptions& options, Split split) {
  std::error_code ignored;
  if (!std::filesystem::exists(options.path, ignored))
    throw DataError("{}: no such directory; {}", options.path, kHint);
  if (!std::filesystem::is_directory(options.path, ignored)) {
    throw DataError("{}: is not a directory; {}", options.path, kHint);
  }
  auto images = load(find(options.path, split, Kind::images), Kind::images);
  auto labels = load(find(options.path, split, Kind::labels), Kind::labels);
  if (images.header.count != labels.header.count) {
    throw DataError("{}: has {} pictures, but {} has {} labels; get both again", images.file.path(),
                    images.header.count, labels.file.path(), labels.header.count);
  }
  return std::make_shared<Idx>(fmt::format("IDX {} from {}", name_of(split), options.path), std::move(images),
                               std::move(labels), options.classes);
}

}  // namespace convoy
