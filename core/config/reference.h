#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/config/type.h"

namespace convoy::config {

class StructType;

/// Gathers the markdown reference of a description: a heading and a table for each struct, `key | value |
/// default | meaning`. A struct that several keys can hold (a learning rate's schedules) is described once.
class Reference {
 public:
  explicit Reference(std::string introduction) : markdown_(std::move(introduction)) {}

  /// A struct at `path` (empty: the root).
  void table(const std::string& path, const StructType& type);
  /// One of the named alternatives for the value at `path`.
  void alternative(const std::string& path, const std::string& name, const std::string& help,
                   const Type& type);

  /// Everything so far. REQUIRES: the types are still there.
  std::string markdown();

 private:
  struct Alternative {
    std::string path, name, help;
    const Type* type;
  };
  void write(const Alternative& alternative);
  void write_waiting();

  std::string markdown_;
  std::string heading_;               ///< of the struct that comes next
  std::set<std::string> told_;        ///< alternatives, by name and help
  std::vector<Alternative> waiting_;  ///< found inside an alternative: they come behind the ones beside it
  bool inside_alternative_ = false;
};

}  // namespace convoy::config
