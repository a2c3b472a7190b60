#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/node.h"
#include "core/error.h"

namespace convoy::config {

/// Collects what is wrong with one document, so that all of it is told at once. Handed on from parsing to
/// whoever checks the config further (layers that do not fit their input, …).
class Diagnostics {
 public:
  Diagnostics() = default;
  explicit Diagnostics(std::shared_ptr<const Node> document) : document_(std::move(document)) {}
  /// Where error() looks key paths up.
  void set_document(std::shared_ptr<const Node> document) { document_ = std::move(document); }

  /// "LOCATION: path: message", or "--set path: message"; the message reads "what; what to do".
  void error(const Location& location, std::string_view path, std::string_view message);
  /// Finds the location from the key path, such as "train.slices" or "model.layers[5].dense"; where the
  /// document does not spell the key out, it is that of the nearest mapping around it.
  void error(std::string_view path, std::string_view message);

  /// Takes over an error that already says its place (of a `--set`); it comes last.
  void add(const ConfigError& error);

  bool empty() const { return lines_.empty(); }
  std::size_t count() const { return lines_.size(); }
  /// True if there is an error at `path` or below it.
  bool has_error_at(std::string_view path) const;
  /// The same, or at a mapping or list around `path`.
  bool has_error_about(std::string_view path) const;
  /// One line an error, in order of the document.
  std::string text() const;
  /// Throws ConfigError with text().
  void throw_if_any() const;

 private:
  struct Line {
    Location location;
    std::string path;
    std::string text;
  };
  std::shared_ptr<const Node> document_;
  std::vector<Line> lines_;
};

}  // namespace convoy::config
