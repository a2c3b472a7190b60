#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "core/config/fields.h"
#include "core/tensor.h"

namespace convoy {

// Keras' initializers, with its names, parameters and defaults. Fans are Keras' too: for a kernel [..., in,
// out], in and out times the window's pixels.

struct Zeros {
  static constexpr std::string_view kName = "zeros", kHelp = "all 0";
  static void fields(config::Fields<Zeros>&) {}
};
struct Ones {
  static constexpr std::string_view kName = "ones", kHelp = "all 1";
  static void fields(config::Fields<Ones>&) {}
};
struct Constant {
  static constexpr std::string_view kName = "constant", kHelp = "all equal";
  double value = 0;
  static void fields(config::Fields<Constant>& f) { f.optional("value", &Constant::value, "the value"); }
};
struct GlorotUniform {
  static constexpr std::string_view kName = "glorot_uniform",
                                    kHelp = "uniform within sqrt(6 / (fan_in + fan_out))";
  static void fields(config::Fields<GlorotUniform>&) {}
};
struct GlorotNormal {
  static constexpr std::string_view kName = "glorot_normal",
                                    kHelp = "truncated normal of deviation sqrt(2 / (fan_in + fan_out))";
  static void fields(config::Fields<GlorotNormal>&) {}
};
struct HeUniform {
  static constexpr std::string_view kName = "he_uniform", kHelp = "uniform within sqrt(6 / fan_in)";
  static void fields(config::Fields<HeUniform>&) {}
};
struct HeNormal {
  static constexpr std::string_view kName = "he_normal",
                                    kHelp = "truncated normal of deviation sqrt(2 / fan_in)";
  static void fields(config::Fields<HeNormal>&) {}
};
struct LecunUniform {
  static constexpr std::string_view kName = "lecun_uniform", kHelp = "uniform within sqrt(3 / fan_in)";
  static void fields(config::Fields<LecunUniform>&) {}
};
struct LecunNormal {
  static constexpr std::string_view kName = "lecun_normal",
                                    kHelp = "truncated normal of deviation sqrt(1 / fan_in)";
  static void fields(config::Fields<LecunNormal>&) {}
};
struct RandomUniform {
  static constexpr std::string_view kName = "random_uniform", kHelp = "uniform between two values";
  double minval = -0.05, maxval = 0.05;
  static void fields(config::Fields<RandomUniform>& f) {
    f.optional("minval", &RandomUniform::minval, "the lower bound");
    f.optional("maxval", &RandomUniform::maxval, "the upper bound");
  }
};
struct RandomNormal {
  static constexpr std::string_view kName = "random_normal", kHelp = "normal";
  double mean = 0, stddev = 0.05;
  static void fields(config::Fields<RandomNormal>& f) {
    f.optional("mean", &RandomNormal::mean, "the mean");
    f.optional("stddev", &RandomNormal::stddev, "the standard deviation", config::at_least(0));
  }
};
struct TruncatedNormal {
  static constexpr std::string_view kName = "truncated_normal",
                                    kHelp = "normal, redrawn beyond two standard deviations of the mean";
  double mean = 0, stddev = 0.05;
  static void fields(config::Fields<TruncatedNormal>& f) {
    f.optional("mean", &TruncatedNormal::mean, "the mean");
    f.optional("stddev", &TruncatedNormal::stddev, "the standard deviation of the untruncated normal",
               config::at_least(0));
  }
};

using Initializer = std::variant<GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal,
                                 Zeros, Ones, Constant, RandomUniform, RandomNormal, TruncatedNormal>;

/// Fills one tensor: element e of tensor number `tensor` of the model is a pure function of (seed, tensor,
/// e).
void initialize(const Initializer& initializer, const Shape& shape, std::uint64_t seed, std::uint32_t tensor,
                std::span<float> values);

/// The standard normal's inverse distribution function, for 0 < p < 1, within 1e-15: Wichura, "Algorithm AS
/// 241", Applied Statistics 37 (1988), PPND16.
double inverse_normal(double p);

}  // namespace convoy
