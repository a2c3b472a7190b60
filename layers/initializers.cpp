#include "layers/initializers.h"

#include <algorithm>
#include <cmath>

#include "core/math.h"
#include "core/random.h"

namespace convoy {

namespace {

struct Fans {
  double in, out;
};

Fans fans_of(const Shape& shape) {
  if (shape.rank() == 0) return {1, 1};
  if (shape.rank() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  double window = 1;
  for (int axis = 0; axis + 2 < shape.rank(); ++axis) window *= static_cast<double>(shape[axis]);
  return {window * static_cast<double>(shape[shape.rank() - 2]),
          window * static_cast<double>(shape[shape.rank() - 1])};
}

class Draws {
 public:
  Draws(const Shape& shape, std::uint64_t seed, std::uint32_t tensor, std::span<float> values)
      : fans_(fans_of(shape)), stream_(seed, RandomPurpose::initialize, tensor), values_(values) {}

  void operator()(const Zeros&) const { constant(0); }
  void operator()(const Ones&) const { constant(1); }
  void operator()(const Constant& c) const { constant(c.value); }
  void operator()(const GlorotUniform&) const { symmetric(std::sqrt(6 / (fans_.in + fans_.out))); }
  void operator()(const HeUniform&) const { symmetric(std::sqrt(6 / fans_.in)); }
  void operator()(const LecunUniform&) const { symmetric(std::sqrt(3 / fans_.in)); }
  void operator()(const GlorotNormal&) const { scaled_normal(std::sqrt(2 / (fans_.in + fans_.out))); }
  void operator()(const HeNormal&) const { scaled_normal(std::sqrt(2 / fans_.in)); }
  void operator()(const LecunNormal&) const { scaled_normal(std::sqrt(1 / fans_.in)); }
  void operator()(const RandomUniform& u) const {
    each([&](double p) { return u.minval + (u.maxval - u.minval) * p; });
  }
  void operator()(const RandomNormal& n) const {
    each([&](double p) { return n.mean + n.stddev * inverse_normal(p); });
  }
  void operator()(const TruncatedNormal& n) const { truncated(n.mean, n.stddev); }

 private:
  void constant(double value) const { std::fill(values_.begin(), values_.end(), static_cast<float>(value)); }
  void symmetric(double limit) const {
    each([&](double p) { return (2 * p - 1) * limit; });
  }
  /// Truncation shrinks the deviation; dividing by that of the truncated standard normal restores it, as
  /// Keras does.
  void scaled_normal(double deviation) const { truncated(0, deviation / 0.87962566103423978); }
  void truncated(double mean, double stddev) const {
    constexpr double kBelow = 0.022750131948179195;  // the normal's probability below -2
    each([&](double p) { return mean + stddev * inverse_normal(kBelow + (1 - 2 * kBelow) * p); });
  }
  /// Calls value(p) with p uniform in (0, 1).
  template <class Value>
  void each(const Value& value) const {
    for (std::size_t i = 0; i < values_.size(); i += 2) {
      const auto words = stream_(i >> 33, 0, static_cast<std::uint32_t>(i / 2));
      values_[i] = static_cast<float>(value(uniform_double(words[0], words[1])));
      if (i + 1 < values_.size())
        values_[i + 1] = static_cast<float>(value(uniform_double(words[2], words[3])));
    }
  }

  Fans fans_;
  RandomStream stream_;
  std::span<float> values_;
};

template <std::size_t kSize>
double polynomial(const double (&coefficients)[kSize], double x) {
  double sum = coefficients[kSize - 1];
  for (std::size_t i = kSize - 1; i-- > 0;) sum = sum * x + coefficients[i];
  return sum;
}

}  // namespace

void initialize(const Initializer& initializer, const Shape& shape, std::uint64_t seed, std::uint32_t tensor,
                std::span<float> values) {
  std::visit(Draws(shape, seed, tensor, values), initializer);
}

double inverse_normal(double p) {
  static constexpr double kCentreTop[] = {
      3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
      4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3};
  static constexpr double kCentreBottom[] = {1.0,
                                             4.2313330701600911252e1,
                                             6.8718700749205790830e2,
                                             5.3941960214247511077e3,
                                             2.1213794301586595867e4,
                                             3.9307895800092710610e4,
                                             2.8729085735721942674e4,
                                             5.2264952788528545610e3};
  static constexpr double kMiddleTop[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                          5.76949722146069140550e0,  3.64784832476320460504e0,
                                          1.27045825245236838258e0,  2.41780725177450611770e-1,
                                          2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double kMiddleBottom[] = {1.0,
                                             2.05319162663775882187e0,
                                             1.67638483018380384940e0,
                                             6.89767334985100004550e-1,
                                             1.48103976427480074590e-1,
                                             1.51986665636164571966e-2,
                                             5.47593808499534494600e-4,
                                             1.05075007164441684324e-9};
  static constexpr double kTailTop[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                        1.78482653991729133580e0,  2.96560571828504891230e-1,
                                        2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                        2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double kTailBottom[] = {1.0,
                                           5.99832206555887937690e-1,
                                           1.36929880922735805310e-1,
                                           1.48753612908506148525e-2,
                                           7.86869131145613259100e-4,
                                           1.84631831751005468180e-5,
                                           1.42151175831644588870e-7,
                                           2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  const double r = std::sqrt(-math::log(q < 0 ? p : 1 - p));
  const double size = r <= 5 ? polynomial(kMiddleTop, r - 1.6) / polynomial(kMiddleBottom, r - 1.6)
                             : polynomial(kTailTop, r - 5) / polynomial(kTailBottom, r - 5);
  return q < 0 ? -size : size;
}

}  // namespace convoy
