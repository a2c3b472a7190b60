#include "core/config/data_config.h"

#include <array>

namespace convoy {

constexpr auto enum_names(RandomFlip::Mode) {
  using enum RandomFlip::Mode;
  using config::EnumName;
  return std::array{EnumName{horizontal, "horizontal"}, EnumName{vertical, "vertical"},
                    EnumName{horizontal_and_vertical, "horizontal_and_vertical"}};
}

constexpr auto enum_names(EdgeFill) {
  using enum EdgeFill;
  using config::EnumName;
  return std::array{EnumName{constant, "constant"}, EnumName{nearest, "nearest"},
                    EnumName{reflect, "reflect"}, EnumName{wrap, "wrap"}};
}

}  // namespace convoy

namespace convoy::config {
namespace {

constexpr double kMaxSamples = 1 << 24;
constexpr double kMaxPixels = 1 << 16;

struct RandomFlipFields {
  static constexpr std::string_view kName = "random_flip";
  static constexpr std::string_view kHelp = "mirrors every other picture";
  static void fields(Fields<RandomFlip>& f) {
    f.optional("mode", &RandomFlip::mode, "the directions, each drawn on its own");
  }
};

struct RandomCropFields {
  static constexpr std::string_view kName = "random_crop";
  static constexpr std::string_view kHelp = "pads the picture and cuts one of its size out, anywhere";
  static void fields(Fields<RandomCrop>& f) {
    f.optional("padding", &RandomCrop::padding, "pixels added on each side", between(0, kMaxPixels));
    f.optional("fill", &RandomCrop::fill, "value of the added pixels, before scaling");
  }
};

struct RandomTranslationFields {
  static constexpr std::string_view kName = "random_translation";
  static constexpr std::string_view kHelp = "moves the picture by whole pixels";
  static void fields(Fields<RandomTranslation>& f) {
    f.required("height_factor", &RandomTranslation::height_factor,
               "furthest move up or down, as a part of the height", between(0, 1));
    f.required("width_factor", &RandomTranslation::width_factor,
               "furthest move left or right, as a part of the width", between(0, 1));
    f.optional("fill_mode", &RandomTranslation::fill_mode, "what comes into sight, as Keras names it");
    f.optional("fill", &RandomTranslation::fill,
               "value of new pixels with `fill_mode: constant`, before scaling");
  }
};

struct CutoutFields {
  static constexpr std::string_view kName = "cutout";
  static constexpr std::string_view kHelp = "overwrites a square anywhere in the picture";
  static void fields(Fields<Cutout>& f) {
    f.optional("size", &Cutout::size, "pixels a side", between(1, kMaxPixels));
    f.optional("fill", &Cutout::fill, "value of the square's pixels, before scaling");
  }
};

}  // namespace

template <>
struct DescriptionOf<RandomFlip> {
  using type = RandomFlipFields;
};
template <>
struct DescriptionOf<RandomCrop> {
  using type = RandomCropFields;
};
template <>
struct DescriptionOf<RandomTranslation> {
  using type = RandomTranslationFields;
};
template <>
struct DescriptionOf<Cutout> {
  using type = CutoutFields;
};

void Cifar10::fields(Fields<Cifar10>& f) {
  f.required("path", &Cifar10::path, "directory of data_batch_1.bin to data_batch_5.bin and test_batch.bin",
             items(1));
}

void Cifar100::fields(Fields<Cifar100>& f) {
  f.required("path", &Cifar100::path, "directory of train.bin and test.bin", items(1));
}

void Mnist::fields(Fields<Mnist>& f) {
  f.required("path", &Mnist::path, "directory of the four IDX files", items(1));
  f.optional("classes", &Mnist::classes, "labels are 0 to classes - 1", between(2, 256));
}

void Shapes::fields(Fields<Shapes>& f) {
  f.optional("train_samples", &Shapes::train_samples, "pictures to train on", between(1, kMaxSamples));
  f.optional("test_samples", &Shapes::test_samples, "pictures to test on", between(1, kMaxSamples));
  f.optional("seed", &Shapes::seed, "decides the pictures");
}

void Data::fields(Fields<Data>& f) {
  f.one_of("dataset", &Data::dataset, "what to train on");
  f.optional("scale", &Data::scale, "multiplies every pixel value, 0 to 255; 1/255 gives 0 to 1", above(0));
  f.optional("shuffle", &Data::shuffle, "a new random order every epoch");
  f.optional("mean", &Data::mean, "subtracted from each channel after scaling", items(1));
  f.optional("std", &Data::std, "each channel is divided by it after `mean`", above(0).items(1));
  f.optional("augment", &Data::augment, "random changes of training pictures, in this order");
  f.optional("limit", &Data::limit, "take only the first N samples of each split", at_least(1));
}

}  // namespace convoy::config
