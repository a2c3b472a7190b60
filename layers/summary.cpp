#include "layers/summary.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>
#include <vector>

namespace convoy {

namespace {

constexpr std::size_t kColumns = 3;
constexpr std::array<std::size_t, kColumns> kWidths{31, 22, 13};

using Cells = std::array<std::string, kColumns>;

/// Characters of UTF-8 text.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// At most `width` characters, an ellipsis for the rest.
std::string shortened(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t kept = 0; kept < width; ++kept)  // up to the start of character number `width - 1`
    for (end += kept > 0; (text[end] & 0xC0) == 0x80;) ++end;
  return std::string(text.substr(0, end)) + "…";
}

/// Lines of at most `width` characters, broken at spaces.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (!lines.empty() && width_of(lines.back()) + 1 + width_of(word) <= width)
      lines.back() += " " + word;
    else
      lines.push_back(shortened(word, width));
    begin = end + 1;
  }
  return lines;
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + text : text + space;
}

/// A rule between rows: its left end, the crossings, the right end and the line itself.
std::string rule(std::string_view left, std::string_view cross, std::string_view right,
                 std::string_view line) {
  std::string text(left);
  for (std::size_t c = 0; c < kColumns; ++c) {
    if (c > 0) text += cross;
    for (std::size_t i = 0; i < kWidths[c] + 2; ++i) text += line;
  }
  return text + std::string(right) + "\n";
}

std::string row(const Cells& cells, std::string_view bar) {
  std::array<std::vector<std::string>, kColumns> lines;
  std::size_t height = 0;
  for (std::size_t c = 0; c < kColumns; ++c) {
    lines[c] = wrapped(cells[c], kWidths[c]);
    height = std::max(height, lines[c].size());
  }
  std::string text;
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t c = 0; c < kColumns; ++c)
      text += fmt::format("{} {} ", bar, padded(y < lines[c].size() ? lines[c][y] : "", kWidths[c], c == 2));
    text += fmt::format("{}\n", bar);
  }
  return text;
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3)
    text.insert(static_cast<std::size_t>(place), ",");
  return text;
}

std::string count_line(std::string_view title, std::int64_t count) {
  return fmt::format(" {}: {} ({})\n", title, grouped(count),
                     readable_bytes(count * static_cast<std::int64_t>(sizeof(float))));
}

}  // namespace

std::string readable_bytes(std::int64_t bytes) {
  double size = static_cast<double>(bytes);
  const std::array units{"B", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  return fmt::format("{:.2f} {}", size, units[unit]);
}

ModelCost cost_of(const Model& model) {
  ModelCost cost;
  for (const LayerInfo& layer : model.layers) {
    cost.parameters += layer.parameters;
    cost.trainable += layer.trainable;
    cost.flops += layer.flops;
  }
  std::int64_t elements = model.input.elements();
  for (const Op& op : model.ops)
    if (!std::holds_alternative<BatchMomentsOp>(op.kind)) elements += op.output.elements();
  cost.activation_bytes = elements * static_cast<std::int64_t>(sizeof(float));
  return cost;
}

std::string summary_text(const Model& model, std::string_view name) {
  std::string text = fmt::format("Model: \"{}\"\n", name);
  text += rule("┏", "┳", "┓", "━");
  text += row({"Layer (type)", "Output Shape", "Param #"}, "┃");
  text += rule("┡", "╇", "┩", "━");
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerInfo& layer = model.layers[i];
    if (i > 0) text += rule("├", "┼", "┤", "─");
    text +=
        row({fmt::format("{} ({})", layer.name, layer.class_name),
             fmt::format("(None, {})", fmt::join(layer.output.extents(), ", ")), grouped(layer.parameters)},
            "│");
  }
  text += rule("└", "┴", "┘", "─");
  const ModelCost cost = cost_of(model);
  text += count_line("Total params", cost.parameters);
  text += count_line("Trainable params", cost.trainable);
  text += count_line("Non-trainable params", cost.parameters - cost.trainable);
  text += fmt::format(" Forward FLOPs: {} a sample\n", grouped(static_cast<std::int64_t>(cost.flops)));
  text += fmt::format(" Activations: {} a sample in training", readable_bytes(cost.activation_bytes));
  return text;
}

nlohmann::ordered_json summary_json(const Model& model, std::string_view name) {
  using Json = nlohmann::ordered_json;
  Json layers = Json::array();
  for (const LayerInfo& layer : model.layers)
    layers.push_back({{"name", layer.name},
                      {"type", layer.type},
                      {"output_shape", layer.output.extents()},
                      {"parameters", layer.parameters},
                      {"trainable_parameters", layer.trainable},
                      {"flops", layer.flops}});
  const ModelCost cost = cost_of(model);
  return {{"name", name},
          {"layers", std::move(layers)},
          {"total_parameters", cost.parameters},
          {"trainable_parameters", cost.trainable},
          {"flops_per_sample", cost.flops},
          {"activation_bytes_per_sample", cost.activation_bytes}};
}

}  // namespace convoy
