#include "core/data/image_files.h"

#include <algorithm>
#include <cstring>
#include <fmt/ranges.h>
#include <utility>

#include "core/data/image_decoders.h"
#include "core/data/mapped_file.h"
#include "core/data/npy.h"
#include "core/error.h"

namespace convoy {

namespace {

constexpr const char* kHint = "give PNG, JPEG or .npy files";

using Decoder = void (*)(const std::string&, std::span<const std::uint8_t>, const Shape&, std::uint8_t*);

Decoder decoder_of(const MappedFile& file) {
  static constexpr std::uint8_t kPng[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  static constexpr std::uint8_t kJpeg[] = {0xff, 0xd8, 0xff};
  const auto bytes = file.bytes();
  const auto starts_with = [&](std::span<const std::uint8_t> magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
  };
  if (starts_with(kPng)) return decode_png;
  if (starts_with(kJpeg)) return decode_jpeg;
  throw DataError("{}: is neither PNG nor JPEG nor .npy; {}", file.path(), kHint);
}

/// How many pictures an array holds. Throws DataError where its axes are not those of pictures of the
/// expected size.
std::int64_t pictures_in(const std::string& path, const std::vector<std::int64_t>& found,
                         const Shape& expected) {
  std::vector<std::vector<std::int64_t>> accepted{{expected[0], expected[1], expected[2]}};
  if (expected[2] == 1) accepted.push_back({expected[0], expected[1]});
  for (const auto& one : accepted) {
    if (found == one) return 1;
    const bool many = found.size() == one.size() + 1 && std::equal(one.begin(), one.end(), found.begin() + 1);
    if (many && found[0] > 0) return found[0];
  }
  throw DataError("{}: is an array of [{}], expected {} or [N, {}]; resize the pictures", path,
                  fmt::join(found, ", "), expected.to_string(), fmt::join(expected.extents(), ", "));
}

/// One of the paths. An array stays mapped; of a picture only the path is kept, as there may be more of them
/// than a process may hold open.
struct Source {
  std::string path;
  std::int64_t first = 0;  ///< index of its first picture
  MappedFile array_file;
  std::span<const std::uint8_t> array;
};

class Images : public Dataset {
 public:
  Images(std::string name, const Shape& shape, std::vector<Source> sources, std::int64_t size)
      : Dataset(std::move(name), shape, {}, size), sources_(std::move(sources)) {}

  int label(std::int64_t) const override { return -1; }

  void read(std::int64_t i, std::uint8_t* hwc) const override {
    const auto after =
        std::upper_bound(sources_.begin(), sources_.end(), i,
                         [](std::int64_t index, const Source& source) { return index < source.first; });
    const Source& source = *std::prev(after);
    if (!source.array.empty()) {
      std::memcpy(hwc, source.array.data() + (i - source.first) * sample_bytes(),
                  static_cast<std::size_t>(sample_bytes()));
    } else {
      const MappedFile file(source.path, kHint);
      decoder_of(file)(source.path, file.bytes(), sample_shape(), hwc);
    }
  }

  void verify_unchanged() const override {
    for (const auto& source : sources_) {
      if (!source.array.empty()) source.array_file.verify_unchanged();
    }
  }

 private:
  std::vector<Source> sources_;
};

}  // namespace

void check_picture(const std::string& path, const Shape& expected, std::int64_t height, std::int64_t width,
                   bool in_colour) {
  if (height != expected[0] || width != expected[1]) {
    throw DataError("{}: is {} pixels high and {} wide, expected {} and {}; resize it", path, height, width,
                    expected[0], expected[1]);
  }
  if (expected[2] != 1 && expected[2] != 3) {
    throw DataError("{}: PNG and JPEG pictures have 1 or 3 channels, expected {}; give a .npy file", path,
                    expected[2]);
  }
  if (in_colour && expected[2] == 1)
    throw DataError("{}: is in colour, expected shades of grey; convert it", path);
}

DatasetPtr open_images(const std::vector<std::string>& paths, const Shape& expected) {
  require(expected.rank() == 3, "pictures have three axes");
  if (paths.empty()) throw DataError("no pictures; {}", kHint);
  std::vector<Source> sources;
  std::int64_t size = 0;
  for (const auto& path : paths) {
    MappedFile file(path, kHint);
    Source source{.path = path, .first = size, .array_file = {}, .array = {}};
    if (is_npy(file.bytes())) {
      const auto array = parse_npy_bytes(path, file.bytes());
      size += pictures_in(path, array.shape, expected);
      source.array = array.values;
      source.array_file = std::move(file);
    } else {
      decoder_of(file)(path, file.bytes(), expected, nullptr);
      size += 1;
    }
    sources.push_back(std::move(source));
  }
  auto name =
      paths.size() == 1 ? paths.front() : fmt::format("{} files from {}", paths.size(), paths.front());
  return std::make_shared<Images>(std::move(name), expected, std::move(sources), size);
}

}  // namespace convoy
