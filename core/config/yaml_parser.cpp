// The only file that sees yaml-cpp. Its event interface resolves no aliases and builds nothing, so that what
// a hostile document can cost is decided here.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <sstream>
#include <vector>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "core/config/diagnostics.h"
#include "core/config/node.h"
#include "core/config/text_file.h"
#include "core/error.h"

namespace convoy::config {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 100'000;
constexpr std::size_t kMaxKeyLength = 256;

/// Ends the parse at once: going on would cost more than it tells.
struct Stop {
  Location location;
  std::string message;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const std::string> source, Diagnostics& diagnostics)
      : source_(std::move(source)), diagnostics_(diagnostics) {}

  std::optional<Node> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    put(at(mark, Node()));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Stop{place(mark), "an alias (*name) is not supported here; write the value out"};
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    const bool quoted = tag == "!";
    if (!quoted) refuse_tag(mark, tag);
    put(at(mark, Node::scalar(value, quoted)));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::list());
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::mapping());
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or mapping under construction, and the key that waits for its value.
  struct Level {
    Node node;
    bool has_key = false;
    std::string key;
    Location key_location;
  };

  Location place(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  Node at(const YAML::Mark& mark, Node node) const {
    node.location = place(mark);
    return node;
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) throw Stop{place(mark), "an anchor (&name) is not supported here; remove it"};
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?")
      throw Stop{place(mark), fmt::format("a tag ({}) is not supported here; remove it", tag)};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node node) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (levels_.size() == kMaxDepth)
      throw Stop{place(mark), fmt::format("nested deeper than {} levels; flatten it", kMaxDepth)};
    if (expects_key())
      throw Stop{place(mark),
                 "a list or mapping as a key, or a bracket that is not closed; give keys as plain text"};
    levels_.push_back({at(mark, std::move(node)), false, "", {}});
  }

  void close() {
    Node node = std::move(levels_.back().node);
    levels_.pop_back();
    put(std::move(node));
  }

  bool expects_key() const {
    return !levels_.empty() && levels_.back().node.is_mapping() && !levels_.back().has_key;
  }

  void put(Node node) {
    if (++count_ > kMaxNodes)
      throw Stop{node.location, fmt::format("more than {} values; shorten the file", kMaxNodes)};
    if (levels_.empty()) {
      root_ = std::move(node);
    } else if (expects_key()) {
      take_key(std::move(node));
    } else if (levels_.back().node.is_list()) {
      levels_.back().node.children.push_back(std::move(node));
    } else {
      put_value(std::move(node));
    }
  }

  void take_key(Node node) {
    if (!node.is_scalar() || node.text.empty())
      throw Stop{node.location, "a mapping's key is empty; give it a name"};
    if (node.text.size() > kMaxKeyLength)
      throw Stop{node.location, "a key longer than 256 characters; shorten it"};
    Level& level = levels_.back();
    level.has_key = true;
    level.key = std::move(node.text);
    level.key_location = node.location;
  }

  void put_value(Node node) {
    Level& level = levels_.back();
    level.has_key = false;
    node.key_location = level.key_location;
    if (node.kind == Node::Kind::null) node.location = level.key_location;
    // Keys are few in any config that is one; a mapping of very many is no config.
    constexpr std::size_t kMaxKeys = 1000;
    if (level.node.children.size() == kMaxKeys)
      throw Stop{node.key_location, "more than 1000 keys in one mapping; shorten it"};
    if (const Node* first = level.node.find(level.key)) {
      diagnostics_.error(node.key_location, key_path(level.key),
                         fmt::format("given twice, first in line {}; keep one", first->key_location.line));
      return;
    }
    level.node.add(level.key, std::move(node));
  }

  std::string key_path(const std::string& key) const {
    std::string path;
    for (const Level& level : levels_) {
      if (&level == &levels_.back()) break;
      path += level.node.is_list() ? fmt::format("[{}]", level.node.children.size())
                                   : (path.empty() ? "" : ".") + level.key;
    }
    return path.empty() ? key : path + "." + key;
  }

  std::shared_ptr<const std::string> source_;
  Diagnostics& diagnostics_;
  std::vector<Level> levels_;
  std::optional<Node> root_;
  std::size_t count_ = 0;
};

/// The line and column of a byte.
Location locate(std::string_view text, std::size_t offset, const std::shared_ptr<const std::string>& source) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {source, static_cast<int>(line) + 1, static_cast<int>(offset - start) + 1};
}

/// The length of the UTF-8 character at the front, 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80                      ? 1
                             : byte(0) >= 0xC2 && byte(0) < 0xE0 ? 2
                             : (byte(0) & 0xF0) == 0xE0          ? 3
                             : byte(0) >= 0xF0 && byte(0) < 0xF5 ? 4
                                                                 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

/// Throws Stop at the first byte that no text file holds.
void check_text(std::string_view text, const std::shared_ptr<const std::string>& source) {
  if (text.size() > kMaxBytes) {
    throw Stop{{source, 1, 1}, fmt::format("larger than {} bytes; a config is a small text file", kMaxBytes)};
  }
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text.substr(i));
    const bool control = (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F;
    if (length == 0 || control) {
      throw Stop{locate(text, i, source),
                 fmt::format("byte 0x{:02x} is no text; save the config as plain UTF-8", byte)};
    }
    i += length;
  }
}

/// yaml-cpp's words, with what usually causes them.
std::string explain(const YAML::ParserException& error, std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int i = 0; i <= error.mark.line && std::getline(lines, line); ++i) {
  }
  const std::size_t first = line.find_first_not_of(' ');
  if (first != std::string::npos && line[first] == '\t') return "a tab in the indentation; use spaces";
  return fmt::format("not YAML: {}; check the indentation, colons and brackets here and in the lines above",
                     error.msg);
}

}  // namespace

Node parse_yaml(std::string_view text, const std::string& source) {
  Diagnostics diagnostics;
  Node root = parse_yaml(text, source, diagnostics);
  diagnostics.throw_if_any();
  return root;
}

Node parse_yaml(std::string_view text, const std::string& source_name, Diagnostics& diagnostics) {
  const auto source = std::make_shared<const std::string>(source_name);
  const auto fail = [&](const Location& location, const std::string& message) {
    diagnostics.error(location, "", message);
    diagnostics.throw_if_any();
  };
  TreeBuilder builder(source, diagnostics);
  std::optional<Node> root;
  try {
    check_text(text, source);
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder)) root = builder.take();
    TreeBuilder second(source, diagnostics);
    if (root && parser.HandleNextDocument(second)) {
      const std::optional<Node> rest = second.take();
      throw Stop{rest ? rest->location : root->location,
                 "a second document; keep one, and remove the '---' lines"};
    }
  } catch (const Stop& stop) {
    fail(stop.location, stop.message);
  } catch (const YAML::ParserException& error) {
    fail({source, std::max(error.mark.line, 0) + 1, std::max(error.mark.column, 0) + 1},
         explain(error, text));
  } catch (const YAML::Exception& error) {
    fail({source, 1, 1}, fmt::format("not YAML: {}; check the file", error.msg));
  }
  if (!root) root = Node();
  if (!root->location.source) root->location = {source, 1, 1};
  return std::move(*root);
}

// One byte more than allowed tells that there is more, without reading it.
Node parse_yaml_file(const std::string& path) {
  return parse_yaml(read_text_file(path, kMaxBytes + 1), path);
}
Node parse_yaml_file(const std::string& path, Diagnostics& diagnostics) {
  return parse_yaml(read_text_file(path, kMaxBytes + 1), path, diagnostics);
}

}  // namespace convoy::config
