#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/config/fields.h"
#include "core/error.h"
#include "layers/model.h"

namespace convoy {

/// Why a layer cannot stand where it stands: "what; what to do". The builder adds the layer's place and name.
class LayerProblem : public std::runtime_error {
 public:
  /// `key`: the layer's parameter that is to blame, or empty.
  template <class... Args>
  LayerProblem(std::string key, fmt::format_string<Args...> text, Args&&... args)
      : std::runtime_error(fmt::format(text, std::forward<Args>(args)...)), key_(std::move(key)) {}
  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

/// Where a layer says what it computes: it starts with shape() as its input and appends ops, each of which
/// takes the one before's output.
class Lowering {
 public:
  /// Appends to `model`, which holds the layers before this one.
  Lowering(Model& model, std::string layer_name)
      : model_(model),
        layer_(static_cast<int>(model.layers.size())),
        layer_name_(std::move(layer_name)),
        shape_(model.output) {}

  /// What the next op takes.
  const Shape& shape() const { return shape_; }
  const std::string& layer_name() const { return layer_name_; }

  /// Adds a trainable tensor "<layer>/<name>". Its shape is Keras', for files and fans.
  ParameterRange parameter(const std::string& name, const Shape& shape, const Initializer& initializer);
  /// Adds a tensor that training measures.
  ParameterRange statistic(const std::string& name, const Shape& shape, const Initializer& initializer);

  void append(OpKind kind, const Shape& output, std::vector<ParameterRange> parameters = {},
              std::vector<ParameterRange> statistics = {});
  /// Appends nothing for `linear`.
  void append_activation(const Activation& activation);
  /// The same elements under another shape.
  void reshape(const Shape& shape) { shape_ = shape; }

  /// Throws LayerProblem unless shape() is [H, W, C].
  void require_image() const;

  /// For a problem behind which the output's shape can still be guessed: the layer then goes on as if all
  /// were well, and the layers after it are checked too. Throw the problem where there is nothing to guess.
  void report(LayerProblem problem) { problems_.push_back(std::move(problem)); }
  const std::vector<LayerProblem>& problems() const { return problems_; }

 private:
  Model& model_;
  int layer_;
  std::string layer_name_;
  Shape shape_;
  std::vector<LayerProblem> problems_;
};

/// A kind of layer: what the registry knows of it.
struct LayerType {
  config::CatalogEntry entry;
  std::string class_name;  ///< Keras': "Conv2D"
  std::function<void(const config::Choice& choice, Lowering& to)> lower;
};

/// The type of the layers whose parameters are the struct P: P::fields describes them, P::lower(Lowering&)
/// const says what they compute. `name` is that in a config, `class_name` Keras', which the layers' automatic
/// names follow.
template <class P>
LayerType layer_type(const std::string& name, const std::string& class_name, const std::string& help) {
  return {config::described<P>(name, help), class_name,
          [](const config::Choice& choice, Lowering& to) { choice.as<P>().lower(to); }};
}

}  // namespace convoy
