#pragma once

#include <string>

#include "core/config/type.h"

namespace convoy::config {

class StructType;

/// Gathers the markdown reference of a description: one table a struct, `key | value | default | meaning`.
class Reference {
 public:
  /// A struct at `path` (empty: the root).
  void table(const std::string& path, const StructType& type);
  /// One of the named alternatives for the value at `path`.
  void alternative(const std::string& path, const std::string& name, const std::string& help,
                   const Type& type);

  const std::string& markdown() const { return markdown_; }

 private:
  std::string markdown_;
};

}  // namespace convoy::config
