#include "core/data/cifar.h"

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "core/data/mapped_file.h"
#include "core/error.h"

namespace convoy {

namespace {

constexpr std::int64_t kPlane = 32 * 32;
constexpr std::int64_t kPixels = 3 * kPlane;

/// What distinguishes CIFAR-10 from CIFAR-100.
struct Format {
  const char* name;
  int classes;
  std::int64_t label_bytes;  ///< before the pixels; the last of them is the label
  std::int64_t train_records, test_records;
  std::vector<std::string> train_files;
  std::string test_file;
  std::string names_file;
  std::vector<std::string> default_names;
  std::string hint;

  std::int64_t record_bytes() const { return label_bytes + kPixels; }
};

Format cifar10() {
  return {
      "CIFAR-10",
      10,
      1,
      10000,
      10000,
      {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
      "test_batch.bin",
      "batches.meta.txt",
      {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
      "get CIFAR-10 with ./scripts/get_data.sh cifar10, or set data.cifar10.path to the directory of its "
      "binary "
      "version"};
}

Format cifar100() {
  return {
      "CIFAR-100",
      100,
      2,
      50000,
      10000,
      {"train.bin"},
      "test.bin",
      "fine_label_names.txt",
      numbered_classes(100),
      "get CIFAR-100 with ./scripts/get_data.sh cifar100, or set data.cifar100.path to the directory of its "
      "binary version"};
}

/// The names that come with the data, where there is one a class; else the usual ones.
std::vector<std::string> read_class_names(const std::string& directory, const Format& format) {
  std::ifstream file(directory + "/" + format.names_file);
  std::vector<std::string> names;
  std::string line;
  constexpr std::size_t kLongest = 64;
  while (names.size() <= static_cast<std::size_t>(format.classes) && std::getline(file, line)) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.size() > kLongest) return format.default_names;
    if (!line.empty()) names.push_back(line);
  }
  return names.size() == static_cast<std::size_t>(format.classes) ? names : format.default_names;
}

void check_directory(const std::string& path, const Format& format) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw DataError("{}: no such directory; {}", path, format.hint);
  if (!fs::is_directory(path, ignored)) throw DataError("{}: is not a directory; {}", path, format.hint);
  const auto& first = format.train_files.front();
  if (fs::exists(fs::path(path) / first, ignored)) return;
  const auto python_file = first.substr(0, first.size() - 4);
  if (fs::is_regular_file(fs::path(path) / python_file, ignored)) {
    throw DataError("{}: holds the Python version of {}, expected the binary version; {}", path, format.name,
                    format.hint);
  }
}

MappedFile open_records(const std::string& path, std::int64_t records, const Format& format) {
  MappedFile file(path, format.hint);
  const auto found = static_cast<std::int64_t>(file.bytes().size());
  const std::int64_t expected = records * format.record_bytes();
  if (found != expected) {
    throw DataError("{}: is {}: has {} bytes, expected {} ({} records of {} bytes); remove it and {}", path,
                    found < expected ? "truncated" : "too long", found, expected, records,
                    format.record_bytes(), format.hint);
  }
  return file;
}

class Cifar : public Dataset {
 public:
  Cifar(const Format& format, const CifarOptions& options, Split split, std::vector<MappedFile> files,
        std::int64_t records)
      : Dataset(fmt::format("{} {} from {}", format.name, name_of(split), options.path), Shape{32, 32, 3},
                read_class_names(options.path, format), records * static_cast<std::int64_t>(files.size())),
        files_(std::move(files)),
        records_(records),
        record_bytes_(format.record_bytes()),
        label_bytes_(format.label_bytes) {
    copy_labels();
  }

  int label(std::int64_t i) const override { return labels_[static_cast<std::size_t>(i)]; }

  void read(std::int64_t i, std::uint8_t* hwc) const override {
    const std::uint8_t* planes = record(i) + label_bytes_;
    for (std::int64_t p = 0; p < kPlane; ++p) {
      hwc[3 * p] = planes[p];
      hwc[3 * p + 1] = planes[kPlane + p];
      hwc[3 * p + 2] = planes[2 * kPlane + p];
    }
  }

  void verify_unchanged() const override {
    for (const auto& file : files_) file.verify_unchanged();
  }

 private:
  const std::uint8_t* record(std::int64_t i) const {
    return files_[static_cast<std::size_t>(i / records_)].bytes().data() + i % records_ * record_bytes_;
  }

  void copy_labels() {
    labels_.resize(static_cast<std::size_t>(size()));
    for (std::int64_t i = 0; i < size(); ++i) {
      const int found = record(i)[label_bytes_ - 1];
      if (found >= classes()) {
        throw DataError(
            "{}: record {} has label {}, expected 0 to {}; the file is damaged or of another data set",
            files_[static_cast<std::size_t>(i / records_)].path(), i % records_, found, classes() - 1);
      }
      labels_[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(found);
    }
  }

  std::vector<MappedFile> files_;
  std::vector<std::uint8_t> labels_;
  std::int64_t records_;  ///< in each file
  std::int64_t record_bytes_;
  std::int64_t label_bytes_;
};

DatasetPtr open_cifar(const Format& format, const CifarOptions& options, Split split) {
  check_directory(options.path, format);
  const std::int64_t published = split == Split::train ? format.train_records : format.test_records;
  const std::int64_t records = options.records_per_file > 0 ? options.records_per_file : published;
  const auto names = split == Split::train ? format.train_files : std::vector<std::string>{format.test_file};
  std::vector<MappedFile> files;
  for (const auto& name : names) files.push_back(open_records(options.path + "/" + name, records, format));
  return std::make_shared<Cifar>(format, options, split, std::move(files), records);
}

}  // namespace

DatasetPtr open_cifar10(const CifarOptions& options, Split split) {
  return open_cifar(cifar10(), options, split);
}

DatasetPtr open_cifar100(const CifarOptions& options, Split split) {
  return open_cifar(cifar100(), options, split);
}

}  // namespace convoy
