#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/config/types.h"

namespace convoy::config {

// A config struct describes its keys once; reading, resolved.yaml, the schema and the reference all walk that
// description. Defaults stand only in the struct's own initializers.
//
//   struct Sgd {
//     static constexpr std::string_view kName = "sgd";                                   // only in a
//     std::variant static constexpr std::string_view kHelp = "stochastic gradient descent"; double
//     learning_rate = 0.01; bool nesterov = false; static void fields(Fields<Sgd>& f) {
//       f.optional("learning_rate", &Sgd::learning_rate, "step size", at_least(0));
//       f.optional("nesterov", &Sgd::nesterov, "look ahead along the momentum");
//     }
//     static void check(const Sgd& self, const Place& place) {                           // optional: rules
//     across keys
//       if (self.nesterov && self.momentum == 0) place.error("nesterov", "needs momentum; set momentum above
//       0");
//     }
//   };

/// One key of a struct.
struct Field {
  std::string name;
  std::string help;
  bool required = false;
  bool inlined =
      false;  ///< the alternatives' names are keys of the struct itself (`data: {cifar10: {…}, scale: …}`)
  TypePtr type;
  std::function<void*(void*)> member;
};

/// The description of a struct, made by describe().
class StructType final : public Type {
 public:
  using Check = std::function<void(const void*, const Place&)>;
  using Make = std::shared_ptr<void> (*)();
  StructType(std::vector<Field> fields, Make make, Check check)
      : fields_(std::move(fields)), make_(make), check_(std::move(check)) {}

  const std::vector<Field>& fields() const { return fields_; }
  bool has_required() const;
  /// What the struct writes for this key when nothing is given.
  Node default_of(const Field& field) const;

  bool read(const Place& place, void* value) const override;
  Node write(const void* value) const override;
  Json schema() const override;
  std::string text() const override { return "a mapping"; }
  bool claims(const Node& node) const override { return node.is_mapping(); }
  void document(Reference& reference, const std::string& path) const override;

 private:
  bool read_fields(const Place& place, const std::vector<std::string>& misspelt, void* value) const;
  bool read_inlined(const Field& field, const Place& place, const std::vector<std::string>& misspelt,
                    void* value) const;

  std::vector<Field> fields_;
  Make make_;
  Check check_;
};

/// Collects the fields of T.
template <class T>
class Fields {
 public:
  explicit Fields(const Catalogs& catalogs) : catalogs_(catalogs) {}

  /// A key that the config must give.
  template <class V, class B>
  requires std::derived_from<T, B>
  void required(std::string name, V B::*member, std::string help, const Rule& rule = {}) {
    add({std::move(name), std::move(help), true, false, TypeFor<V>::make(rule, catalogs_), accessor(member)});
  }

  /// A key whose default is the member's initial value.
  template <class V, class B>
  requires std::derived_from<T, B>
  void optional(std::string name, V B::*member, std::string help, const Rule& rule = {}) {
    add({std::move(name), std::move(help), false, false, TypeFor<V>::make(rule, catalogs_),
         accessor(member)});
  }

  /// Exactly one of the alternatives' names must be a key of T's mapping.
  template <class B, class... A>
  requires(std::derived_from<T, B> &&
           (Named<A> && ...)) void one_of(std::string name, std::variant<A...> B::*member, std::string help) {
    add({std::move(name), std::move(help), true, true, TypeFor<std::variant<A...>>::make({}, catalogs_),
         accessor(member)});
  }

  std::vector<Field> take() { return std::move(fields_); }

 private:
  template <class V, class B>
  static std::function<void*(void*)> accessor(V B::*member) {
    return [member](void* self) -> void* { return &(static_cast<T*>(self)->*member); };
  }
  void add(Field field) { fields_.push_back(std::move(field)); }

  const Catalogs& catalogs_;
  std::vector<Field> fields_;
};

template <class T>
concept HasFields = requires(Fields<T>& f) {
  DescriptionOf<T>::type::fields(f);
};

/// The description of T. T must be default-constructible.
template <HasFields T>
std::shared_ptr<const StructType> describe(const Catalogs& catalogs = {}) {
  Fields<T> fields(catalogs);
  using D = typename DescriptionOf<T>::type;
  D::fields(fields);
  StructType::Check check;
  if constexpr (requires(const T& value, const Place& place) { D::check(value, place); }) {
    check = [](const void* value, const Place& place) { D::check(*static_cast<const T*>(value), place); };
  }
  return std::make_shared<StructType>(
      fields.take(), +[]() -> std::shared_ptr<void> { return std::make_shared<T>(); }, std::move(check));
}

template <HasFields T>
struct TypeFor<T> {
  static TypePtr make(const Rule&, const Catalogs& catalogs) { return describe<T>(catalogs); }
};

/// A catalog's entry whose parameters are the struct P.
template <HasFields P>
CatalogEntry described(std::string name, std::string help) {
  return {std::move(name), std::move(help), describe<P>(), typeid(P),
          +[]() -> std::shared_ptr<void> { return std::make_shared<P>(); }};
}

}  // namespace convoy::config
