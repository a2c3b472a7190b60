#include "launcher/commands/bench_report.h"

#include <algorithm>

#include "core/work.h"
#include "launcher/wording.h"

namespace convoy {

namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Of a block's parameters, those whose gradient each slice adds to the sums.
std::int64_t summed_elements(const EngineBlock& block) {
  const auto apart = [](const Op& op) { return op.parameters.front().shape.elements(); };
  return block.parameter_elements() - (block.weight_gradient_apart ? apart(block.ops.front()) : 0);
}

/// Puts times and work together, image by image.
class Reporter {
 public:
  Reporter(const BenchMeasurement& measured, const Profiler& profiler, const Model& model,
           std::span<const EngineBlock> blocks)
      : m_(measured),
        profiler_(profiler),
        model_(model),
        blocks_(blocks),
        first_trainable_(static_cast<std::size_t>(
            std::ranges::find_if(blocks, [](const EngineBlock& b) { return b.parameter_elements() > 0; }) -
            blocks.begin())) {}

  MetricsEvent layers() const {
    MetricsEvent layers = MetricsEvent::array();
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const EngineBlock& block = blocks_[i];
      layers.push_back({{"layer", block.layer_name()}, {"kernel", block.kernel}, {"pieces", pieces(i)}});
    }
    return layers;
  }

  /// What belongs to no layer, and the layers' sums.
  MetricsEvent phases() const {
    const double elements = static_cast<double>(model_.input.elements());
    const double classes = static_cast<double>(model_.output.elements());
    MetricsEvent phases;
    phases["input"] = piece(profiler_.seconds(Piece::input), Work{0, elements * (1 + sizeof(float))});
    phases["loss"] =
        piece(profiler_.seconds(Piece::loss), Work{0, classes * sizeof(float) * (m_.evaluation ? 1 : 2)});
    phases["prepare"] = piece(profiler_.seconds(Piece::prepare), {});
    if (m_.evaluation) return phases;
    Work sums;
    for (const EngineBlock& block : blocks_) sums = sums + sum_work(block);
    phases["sum"] = piece(profiler_.seconds(Piece::sum), sums);
    // Reads gradient, weight and moments, and writes what is new of them.
    const double moved = sizeof(float) * (3 + 2 * static_cast<double>(m_.slots));
    const double parameters = static_cast<double>(model_.parameter_elements);
    phases["update"] = piece(profiler_.seconds(Piece::update), Work{0, moved * parameters / m_.batch});
    return phases;
  }

  /// Of the whole time of rank 0's workers; they add up to 1.
  MetricsEvent shares() const {
    MetricsEvent shares{{"compute", 0.0}, {"idle", 0.0}};
    double rest = 1;
    // What the first worker does alone, the others wait for.
    const auto add = [&](const char* name, Piece piece, int workers) {
      const double share = profiler_.seconds(piece) / m_.seconds / workers;
      shares[name] = share;
      rest -= share;
    };
    add("meeting", Piece::meeting, 1);
    if (!m_.evaluation) {
      add("waiting_for_sums", Piece::reduce, 1);
      add("update", Piece::update, m_.threads);
      add("waiting_for_weights", Piece::gather, 1);
    }
    double busy = 0;
    for (const Piece piece : {Piece::prepare, Piece::input, Piece::forward, Piece::loss, Piece::backward,
                              Piece::weight_gradient, Piece::sum})
      busy += profiler_.seconds(piece) / m_.seconds / m_.threads;
    shares["compute"] = std::min(busy, rest);
    shares["idle"] = rest - std::min(busy, rest);
    return shares;
  }

 private:
  /// `seconds` of all of this rank's workers.
  MetricsEvent piece(double seconds, const Work& work) const {
    const double own_images = m_.images / m_.ranks;
    MetricsEvent json{{"us_per_image", 1e6 * seconds / own_images}};
    if (work.flops > 0) json["flops_per_image"] = work.flops;
    if (work.bytes > 0) json["bytes_per_image"] = work.bytes;
    if (seconds <= 0) return json;
    if (work.flops > 0)
      json["percent_of_peak_flops"] = 100 * work.flops * own_images / seconds / m_.peaks.flops;
    if (work.bytes > 0)
      json["percent_of_peak_bytes"] = 100 * work.bytes * own_images / seconds / m_.peaks.bytes;
    return json;
  }

  /// A slice's gradient is read, and a sum of integers read and written.
  Work sum_work(const EngineBlock& block) const {
    const auto elements = static_cast<double>(summed_elements(block));
    return {0, elements * (sizeof(float) + 2 * sizeof(std::int64_t)) / m_.slice_samples};
  }

  MetricsEvent pieces(std::size_t i) const {
    const EngineBlock& block = blocks_[i];
    const auto spent = [&](Piece piece) { return profiler_.seconds(piece, i); };
    MetricsEvent pieces{{"forward", piece(spent(Piece::forward), forward_work(block.ops, m_.slice_samples))}};
    if (m_.evaluation || i < first_trainable_) return pieces;
    const Work data = data_gradient_work(block.ops, m_.slice_samples, i > first_trainable_);
    const bool apart = block.weight_gradient_apart;
    // Formed apart, it is written once a step and rank.
    const Work weights = weight_gradient_work(block.ops, apart ? m_.batch / m_.ranks : m_.slice_samples);
    pieces["backward"] = piece(spent(Piece::backward), apart ? data : data + weights);
    if (apart) pieces["weight_gradient"] = piece(spent(Piece::weight_gradient), weights);
    if (block.parameter_elements() > 0) pieces["sum"] = piece(spent(Piece::sum), sum_work(block));
    return pieces;
  }

  const BenchMeasurement& m_;
  const Profiler& profiler_;
  const Model& model_;
  std::span<const EngineBlock> blocks_;
  std::size_t first_trainable_;
};

constexpr std::size_t kWidth = 120, kNameWidth = 22;

std::string cut(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

/// A figure in so many columns; nothing where there is none.
std::string figure(const MetricsEvent& piece, const char* key, int width, double unit = 1) {
  if (!piece.contains(key)) return std::string(static_cast<std::size_t>(width), ' ');
  const double value = piece[key].get<double>() / unit;
  return fmt::format("{:{}.{}f}", value, width, value < 100 && width > 5 ? 1 : 0);
}

std::string figures(const MetricsEvent& piece) {
  return figure(piece, "us_per_image", 8) + figure(piece, "flops_per_image", 7, 1e6) +
         figure(piece, "bytes_per_image", 7, 1e3) + figure(piece, "percent_of_peak_flops", 5) +
         figure(piece, "percent_of_peak_bytes", 5);
}

std::string heading() { return fmt::format("{:>8}{:>7}{:>7}{:>5}{:>5}", "us", "MFLOP", "KB", "%F", "%B"); }

std::string table_of_layers(const MetricsEvent& layers) {
  const bool backward = std::ranges::any_of(
      layers, [](const MetricsEvent& layer) { return layer["pieces"].contains("backward"); });
  const auto line = [&](const std::string& name, const std::string& forward, const std::string& back,
                        const std::string& kernel) {
    const std::string text = fmt::format("{:<{}}{}{}", cut(name, kNameWidth), kNameWidth, forward, back);
    return text + "  " + cut(kernel, kWidth - text.size() - 2) + "\n";
  };
  std::string text = fmt::format("{:<{}}{:>32}{:>{}}\n", "an image", kNameWidth, "forward",
                                 backward ? "backward" : "", backward ? 32 : 0);
  text += line("layer", heading(), backward ? heading() : "", "kernel");
  const std::string blank(backward ? 32 : 0, ' ');
  for (const MetricsEvent& layer : layers) {
    const MetricsEvent& pieces = layer["pieces"];
    text += line(layer["layer"], figures(pieces["forward"]),
                 pieces.contains("backward") ? figures(pieces["backward"]) : blank, layer["kernel"]);
    if (pieces.contains("weight_gradient"))
      text += line("", std::string(32, ' '), figures(pieces["weight_gradient"]), "(its weights' gradient)");
  }
  return text;
}

std::string mebibytes(const MetricsEvent& bytes) {
  return fmt::format("{:.0f} MiB", bytes.get<double>() / 0x1p20);
}

}  // namespace

MetricsEvent bench_json(const BenchMeasurement& measured, const Profiler& profiler, const Model& model,
                        std::span<const EngineBlock> blocks) {
  const Reporter reporter(measured, profiler, model, blocks);
  const auto& rates = measured.rates;
  return {{"images_per_second",
           {{"median", median(rates)},
            {"min", *std::ranges::min_element(rates)},
            {"max", *std::ranges::max_element(rates)}}},
          {"measured", measured.evaluation ? "evaluation" : "training"},
          {"ranks", measured.ranks},
          {"threads_per_rank", measured.threads},
          {"peak_per_worker",
           {{"instruction_set", measured.isa},
            {"flops_per_second", measured.peaks.flops},
            {"bytes_per_second", measured.peaks.bytes}}},
          {"layers", reporter.layers()},
          {"phases", reporter.phases()},
          {"share_of_time", reporter.shares()}};
}

std::string bench_text(const MetricsEvent& json) {
  const MetricsEvent& rate = json["images_per_second"];
  std::string text =
      fmt::format("{:.0f} images/s{} (median; {:.0f} to {:.0f}), {} of {}\n", rate["median"].get<double>(),
                  json["measured"] == "evaluation" ? " evaluated" : "", rate["min"].get<double>(),
                  rate["max"].get<double>(), counted(json["ranks"].get<int>(), "rank"),
                  counted(json["threads_per_rank"].get<int>(), "thread"));
  const MetricsEvent& peak = json["peak_per_worker"];
  text +=
      fmt::format("peak of a worker: {:.1f} GFLOP/s in {} registers (%F), {:.1f} GB/s of memory (%B)\n\n",
                  peak["flops_per_second"].get<double>() / 1e9, peak["instruction_set"].get<std::string>(),
                  peak["bytes_per_second"].get<double>() / 1e9);
  text += table_of_layers(json["layers"]);
  for (const auto& [name, piece] : json["phases"].items())
    text += fmt::format("{:<{}}{}\n", name, kNameWidth, figures(piece));
  text += "\n";
  for (const auto& [name, share] : json["share_of_time"].items())
    text += fmt::format("{:<{}}{:>6.1f} % of the time\n", name, kNameWidth, 100 * share.get<double>());
  if (!json.contains("memory_per_rank")) return text;
  const MetricsEvent& memory = json["memory_per_rank"];
  text +=
      fmt::format("\nmemory of a rank: {} at most, {} of it before the first step was prepared; arenas {}\n",
                  mebibytes(memory["peak_resident_bytes"]), mebibytes(memory["resident_bytes_before"]),
                  mebibytes(memory["arena_bytes"]));
  return text;
}

}  // namespace convoy
