#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/config/fields.h"
#include "core/data/augment.h"

namespace convoy::config {

// The key `data`. Member names are the keys.

struct Cifar10 {
  static constexpr std::string_view kName = "cifar10";
  static constexpr std::string_view kHelp = "CIFAR-10's binary version: 32x32x3, ten classes";
  std::string path;
  static void fields(Fields<Cifar10>& f);
};

struct Cifar100 {
  static constexpr std::string_view kName = "cifar100";
  static constexpr std::string_view kHelp = "CIFAR-100's binary version: 32x32x3, the hundred fine classes";
  std::string path;
  static void fields(Fields<Cifar100>& f);
};

struct Mnist {
  static constexpr std::string_view kName = "mnist";
  static constexpr std::string_view kHelp =
      "IDX files, raw or gzip: MNIST, Fashion-MNIST and others of that format";
  std::string path;
  int classes = 10;
  static void fields(Fields<Mnist>& f);
};

struct Shapes {
  static constexpr std::string_view kName = "shapes";
  static constexpr std::string_view kHelp = "generated pictures, 32x32x3, ten classes; needs no files";
  std::int64_t train_samples = 10000;
  std::int64_t test_samples = 2000;
  std::uint64_t seed = 0;
  static void fields(Fields<Shapes>& f);
};

/// `dataset`: measured on the training split.
struct OfDataset {
  static constexpr std::string_view kName = "dataset";
  static constexpr std::string_view kHelp = "measured on the training split, after scaling";
  static void fields(Fields<OfDataset>&) {}
  friend bool operator==(const OfDataset&, const OfDataset&) = default;
};

/// None, measured, or one number a channel (one number alone stands for all channels).
using ChannelValues = std::optional<std::variant<OfDataset, std::vector<double>>>;

struct Data {
  std::variant<Cifar10, Cifar100, Mnist, Shapes> dataset;  ///< its name is a key of `data` itself
  double scale = 1;
  bool shuffle = true;
  ChannelValues mean;
  ChannelValues std;
  std::vector<Augmentation> augment;
  std::optional<std::int64_t> limit;
  static void fields(Fields<Data>& f);
};

}  // namespace convoy::config
