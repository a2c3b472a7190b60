#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/config/catalog.h"
#include "core/config/type.h"

namespace convoy::config {

// The values that a config may hold besides int64, uint64, int, uint8 (0 to 255), double, bool and
// std::string:
//   std::optional<T>     T or `none`           Auto<T>             T or `auto`
//   std::vector<T>       a list                std::map<string, T> a mapping of free keys
//   an enum              a name; declare `constexpr auto enum_names(E)` beside it, see below
//   Size2d, Padding2d    see below             a struct with `fields`, see fields.h
//   std::variant<…>      a plain value, or one name with its parameters: structs with `kName`, `kHelp` and
//   `fields` Choice               an entry of a catalog
// For another type, specialise TypeFor.

/// T, or `auto`: Convoy decides.
template <class T>
struct Auto {
  std::optional<T> value;

  Auto() = default;
  Auto(T chosen) : value(std::move(chosen)) {}  // NOLINT(google-explicit-constructor): as std::optional
  explicit operator bool() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  T value_or(T other) const { return value.value_or(std::move(other)); }
  friend bool operator==(const Auto&, const Auto&) = default;
};

/// One integer for both, or [height, width].
struct Size2d {
  std::int64_t height = 1;
  std::int64_t width = 1;
  friend bool operator==(const Size2d&, const Size2d&) = default;
};

/// One integer, [height, width], or [[top, bottom], [left, right]].
struct Padding2d {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
  friend bool operator==(const Padding2d&, const Padding2d&) = default;
};

/// For an enum declare beside it, in its namespace:
///   constexpr auto enum_names(Mode) { return std::array{EnumName{Mode::same, "same"}, EnumName{Mode::valid,
///   "valid"}}; }
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};
template <class E>
EnumName(E, const char*) -> EnumName<E>;

/// The name of an enum's value.
template <class E>
std::string_view name_of_value(E value) {
  for (const auto& [candidate, name] : enum_names(value)) {
    if (candidate == value) return name;
  }
  return "?";
}

TypePtr int_type(const Rule& rule);
TypePtr uint8_type(const Rule& rule);
TypePtr int64_type(const Rule& rule);
TypePtr uint64_type(const Rule& rule);
TypePtr number_type(const Rule& rule);
TypePtr bool_type();
TypePtr string_type(const Rule& rule);
TypePtr size2d_type(const Rule& rule);
TypePtr padding2d_type(const Rule& rule);
TypePtr choice_type(const Catalog& catalog);

template <class T>
struct TypeFor;

template <>
struct TypeFor<int> {
  static TypePtr make(const Rule& r, const Catalogs&) { return int_type(r); }
};
template <>
struct TypeFor<std::uint8_t> {
  static TypePtr make(const Rule& r, const Catalogs&) { return uint8_type(r); }
};
template <>
struct TypeFor<std::int64_t> {
  static TypePtr make(const Rule& r, const Catalogs&) { return int64_type(r); }
};
template <>
struct TypeFor<std::uint64_t> {
  static TypePtr make(const Rule& r, const Catalogs&) { return uint64_type(r); }
};
template <>
struct TypeFor<double> {
  static TypePtr make(const Rule& r, const Catalogs&) { return number_type(r); }
};
template <>
struct TypeFor<bool> {
  static TypePtr make(const Rule&, const Catalogs&) { return bool_type(); }
};
template <>
struct TypeFor<std::string> {
  static TypePtr make(const Rule& r, const Catalogs&) { return string_type(r); }
};
template <>
struct TypeFor<Size2d> {
  static TypePtr make(const Rule& r, const Catalogs&) { return size2d_type(r); }
};
template <>
struct TypeFor<Padding2d> {
  static TypePtr make(const Rule& r, const Catalogs&) { return padding2d_type(r); }
};
template <>
struct TypeFor<Choice> {
  static TypePtr make(const Rule&, const Catalogs& c) { return choice_type(c.layers); }
};

class EnumType : public Type {
 public:
  explicit EnumType(std::vector<std::string> names) : names_(std::move(names)) {}
  bool read(const Place& place, void* value) const final;
  Node write(const void* value) const final;
  Json schema() const final;
  std::string text() const final;
  bool claims(const Node& node) const final;
  std::vector<std::string> words() const final { return names_; }

 protected:
  virtual void set(void* value, std::size_t index) const = 0;
  virtual std::size_t get(const void* value) const = 0;

 private:
  std::vector<std::string> names_;
};

template <class E>
requires std::is_enum_v<E>
struct TypeFor<E> {
  class Of final : public EnumType {
   public:
    Of() : EnumType(names()) {}

   private:
    static std::vector<std::string> names() {
      std::vector<std::string> result;
      for (const auto& entry : enum_names(E{})) result.emplace_back(entry.name);
      return result;
    }
    void set(void* value, std::size_t index) const override {
      *static_cast<E*>(value) = enum_names(E{})[index].value;
    }
    std::size_t get(const void* value) const override {
      const auto table = enum_names(E{});
      std::size_t i = 0;
      while (i < table.size() && table[i].value != *static_cast<const E*>(value)) ++i;
      return i;
    }
  };
  static TypePtr make(const Rule&, const Catalogs&) { return std::make_shared<Of>(); }
};

/// A value or a keyword.
class KeywordType : public Type {
 public:
  KeywordType(std::string keyword, TypePtr inner) : keyword_(std::move(keyword)), inner_(std::move(inner)) {}
  bool read(const Place& place, void* value) const final;
  Node write(const void* value) const final;
  Json schema() const final;
  std::string text() const final;
  bool claims(const Node& node) const final;
  std::vector<std::string> words() const final;
  void document(Reference& reference, const std::string& path) const final;

 protected:
  virtual void reset(void* value) const = 0;
  virtual void* emplace(void* value) const = 0;
  virtual const void* get(const void* value) const = 0;  ///< null if none

 private:
  std::string keyword_;
  TypePtr inner_;
};

template <class T>
struct TypeFor<std::optional<T>> {
  struct Of final : KeywordType {
    using KeywordType::KeywordType;
    void reset(void* value) const override { static_cast<std::optional<T>*>(value)->reset(); }
    void* emplace(void* value) const override {
      auto& place = *static_cast<std::optional<T>*>(value);
      return place ? &*place : &place.emplace();
    }
    const void* get(const void* value) const override {
      const auto& place = *static_cast<const std::optional<T>*>(value);
      return place ? &*place : nullptr;
    }
  };
  static TypePtr make(const Rule& rule, const Catalogs& catalogs) {
    return std::make_shared<Of>("none", TypeFor<T>::make(rule, catalogs));
  }
};

template <class T>
struct TypeFor<Auto<T>> {
  struct Of final : KeywordType {
    using KeywordType::KeywordType;
    void reset(void* value) const override { static_cast<Auto<T>*>(value)->value.reset(); }
    void* emplace(void* value) const override {
      auto& place = static_cast<Auto<T>*>(value)->value;
      return place ? &*place : &place.emplace();
    }
    const void* get(const void* value) const override {
      const auto& place = static_cast<const Auto<T>*>(value)->value;
      return place ? &*place : nullptr;
    }
  };
  static TypePtr make(const Rule& rule, const Catalogs& catalogs) {
    return std::make_shared<Of>("auto", TypeFor<T>::make(rule, catalogs));
  }
};

class ListType : public Type {
 public:
  ListType(const Rule& rule, TypePtr element) : rule_(rule), element_(std::move(element)) {}
  bool read(const Place& place, void* value) const final;
  Node write(const void* value) const final;
  Json schema() const final;
  std::string text() const final;
  bool claims(const Node& node) const final { return node.is_list(); }
  void document(Reference& reference, const std::string& path) const final;

 protected:
  virtual void resize(void* value, std::size_t size) const = 0;
  virtual std::size_t size(const void* value) const = 0;
  virtual void* at(void* value, std::size_t index) const = 0;
  virtual const void* at(const void* value, std::size_t index) const = 0;

 private:
  Rule rule_;
  TypePtr element_;
};

template <class T>
struct TypeFor<std::vector<T>> {
  using V = std::vector<T>;
  struct Of final : ListType {
    using ListType::ListType;
    void resize(void* value, std::size_t size) const override {
      static_cast<V*>(value)->clear();
      static_cast<V*>(value)->resize(size);
    }
    std::size_t size(const void* value) const override { return static_cast<const V*>(value)->size(); }
    void* at(void* value, std::size_t i) const override { return &(*static_cast<V*>(value))[i]; }
    const void* at(const void* value, std::size_t i) const override {
      return &(*static_cast<const V*>(value))[i];
    }
  };
  static TypePtr make(const Rule& rule, const Catalogs& catalogs) {
    return std::make_shared<Of>(rule, TypeFor<T>::make(rule, catalogs));
  }
};

class MapType : public Type {
 public:
  explicit MapType(TypePtr element) : element_(std::move(element)) {}
  bool read(const Place& place, void* value) const final;
  Node write(const void* value) const final;
  Json schema() const final;
  std::string text() const final;
  bool claims(const Node& node) const final { return node.is_mapping(); }

 protected:
  virtual void clear(void* value) const = 0;
  virtual void* insert(void* value, const std::string& key) const = 0;
  virtual std::vector<std::pair<std::string, const void*>> entries(const void* value) const = 0;

 private:
  TypePtr element_;
};

template <class T>
struct TypeFor<std::map<std::string, T>> {
  using M = std::map<std::string, T>;
  struct Of final : MapType {
    using MapType::MapType;
    void clear(void* value) const override { static_cast<M*>(value)->clear(); }
    void* insert(void* value, const std::string& key) const override {
      return &(*static_cast<M*>(value))[key];
    }
    std::vector<std::pair<std::string, const void*>> entries(const void* value) const override {
      std::vector<std::pair<std::string, const void*>> result;
      for (const auto& [key, element] : *static_cast<const M*>(value)) result.emplace_back(key, &element);
      return result;
    }
  };
  static TypePtr make(const Rule& rule, const Catalogs& catalogs) {
    return std::make_shared<Of>(TypeFor<T>::make(rule, catalogs));
  }
};

struct Alternative {
  std::string name;  ///< empty: a plain value
  std::string help;
  TypePtr type;
};

/// A plain value of one kind, or one name with its parameters.
class AlternativesType : public Type {
 public:
  explicit AlternativesType(std::vector<Alternative> alternatives) : alternatives_(std::move(alternatives)) {}
  const std::vector<Alternative>& alternatives() const { return alternatives_; }

  bool read(const Place& place, void* value) const final;
  Node write(const void* value) const final;
  Json schema() const final;
  std::string text() const final;
  bool claims(const Node& node) const final;
  std::vector<std::string> words() const final;
  void document(Reference& reference, const std::string& path) const final;

  virtual void* emplace(void* value, std::size_t index) const = 0;
  virtual std::size_t index(const void* value) const = 0;
  virtual const void* get(const void* value) const = 0;

 private:
  std::vector<Alternative> alternatives_;
};

/// How T is described: by its own members, or by those of a struct named here, where T belongs to another
/// folder.
template <class T>
struct DescriptionOf {
  using type = T;
};

template <class T>
concept Named = requires {
  { DescriptionOf<T>::type::kName } -> std::convertible_to<std::string_view>;
  { DescriptionOf<T>::type::kHelp } -> std::convertible_to<std::string_view>;
};

template <class... A>
struct TypeFor<std::variant<A...>> {
  using V = std::variant<A...>;
  struct Of final : AlternativesType {
    using AlternativesType::AlternativesType;
    void* emplace(void* value, std::size_t index) const override {
      static constexpr auto kEmplace = emplacers(std::index_sequence_for<A...>{});
      return kEmplace[index](*static_cast<V*>(value));
    }
    std::size_t index(const void* value) const override { return static_cast<const V*>(value)->index(); }
    const void* get(const void* value) const override {
      return std::visit([](const auto& held) -> const void* { return &held; }, *static_cast<const V*>(value));
    }
    template <std::size_t... I>
    static constexpr auto emplacers(std::index_sequence<I...>) {
      using Emplace = void* (*)(V&);
      return std::array<Emplace, sizeof...(A)>{
          +[](V& v) -> void* { return v.index() == I ? std::get_if<I>(&v) : &v.template emplace<I>(); }...};
    }
  };
  template <class T>
  static Alternative alternative(const Rule& rule, const Catalogs& catalogs) {
    TypePtr type = TypeFor<T>::make(rule, catalogs);
    if constexpr (Named<T>) {
      using D = typename DescriptionOf<T>::type;
      return {std::string(D::kName), std::string(D::kHelp), std::move(type)};
    } else {
      return {"", "", std::move(type)};
    }
  }
  static TypePtr make(const Rule& rule, const Catalogs& catalogs) {
    return std::make_shared<Of>(std::vector<Alternative>{alternative<A>(rule, catalogs)...});
  }
};

}  // namespace convoy::config
