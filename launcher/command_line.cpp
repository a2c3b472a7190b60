#include "launcher/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>

#include "launcher/usage_error.h"
#include "launcher/version.h"

namespace convoy {

namespace {

/// Declares the commands on a CLI::App, each with its options bound to one CommandLine.
class Grammar {
 public:
  Grammar(CLI::App& app, CommandLine& line) : app_(app), line_(line) {
    app.require_subcommand(1);
    app.set_version_flag("--version", [] { return version_text(); });
    app.set_help_flag("-h,--help", "Show this help");
    app.footer("convoy COMMAND --help shows a command's options and examples.");
    train();
    evaluate();
    predict();
    summary();
    check();
    bench();
    diff();
    command("schema", "Print the JSON Schema of the configuration, for editors",
            "convoy schema > convoy.schema.json");
  }

 private:
  CLI::App* command(const char* name, const char* help, const char* examples) {
    CLI::App* sub = app_.add_subcommand(name, help);
    sub->footer(std::string("Examples:\n  ") + examples);
    sub->add_flag("-q,--quiet", line_.quiet, "Say nothing but results and errors");
    sub->add_option("--set", line_.overrides,
                    "Override one key of the configuration, if there is one (repeatable)")
        ->option_text("KEY.PATH=VALUE")
        ->allow_extra_args(false);
    sub->callback([this, name] { line_.command = name; });
    return sub;
  }

  static constexpr const char* kConfig = "The experiment's YAML file";
  static constexpr const char* kConfigOrRun =
      "The experiment's YAML file, or a directory that train has made";

  /// An argument without a dash: its name and what it is.
  void positional(CLI::App* sub, const char* name, std::string& value, const char* help) {
    sub->add_option(name, value, help)->required()->option_text(" ");
  }
  void config(CLI::App* sub) { positional(sub, "CONFIG", line_.config, kConfig); }
  void config_or_run(CLI::App* sub) { positional(sub, "CONFIG|RUN", line_.config, kConfigOrRun); }
  void json(CLI::App* sub) { sub->add_flag("--json", line_.json, "Print JSON"); }
  void weights(CLI::App* sub) {
    CLI::Option* file =
        sub->add_option("--weights", line_.weights, "Weights to use")->option_text("FILE.safetensors");
    sub->add_flag("--final", line_.final_weights,
                  "Of a run, use final.safetensors instead of best.safetensors")
        ->excludes(file);
  }
  CLI::Option* split(CLI::App* sub) {
    return sub->add_option("--split", line_.split, "Which part of the data (default test)")
        ->option_text("train|test")
        ->check(one_of({"train", "test"}));
  }

  void train() {
    CLI::App* sub =
        command("train", "Train a model",
                "mpirun -np 4 convoy train configs/cifar10-cnn.yaml\n"
                "  convoy train configs/cifar10-cnn.yaml --set train.epochs=3 --run-dir runs/short");
    config(sub);
    sub->add_option("--run-dir", line_.run_dir, "Where the run's files go (default runs/<name>)")
        ->option_text("DIR");
    sub->add_option("--resume", line_.resume,
                    "Where to go on from (default: checkpoint.resume of the configuration)")
        ->option_text("auto|never|CHECKPOINT");
  }
  void evaluate() {
    CLI::App* sub = command("evaluate", "Measure loss and accuracy",
                            "convoy evaluate runs/cifar10-cnn\n"
                            "  convoy evaluate configs/cifar10-cnn.yaml --weights best.safetensors --json");
    config_or_run(sub);
    weights(sub);
    split(sub);
    json(sub);
  }
  void predict() {
    CLI::App* sub = command("predict", "Write the network's outputs as a NumPy array",
                            "convoy predict runs/cifar10-cnn --output logits.npy\n"
                            "  convoy predict runs/cifar10-cnn --images cat.png dog.jpg --output logits.npy");
    config_or_run(sub);
    weights(sub);
    CLI::Option* part = split(sub);
    sub->add_option("--images", line_.images, "PNG, JPEG or uint8 .npy images instead of a split")
        ->option_text("F...")
        ->excludes(part);
    sub->add_option("--output", line_.output, "The file to write: float32 [N, classes]")
        ->option_text("F.npy")
        ->required();
  }
  void summary() {
    CLI::App* sub = command("summary", "Print the layers, their shapes and parameters",
                            "convoy summary configs/cifar10-cnn.yaml");
    config_or_run(sub);
    json(sub);
  }
  void check() {
    CLI::App* sub = command("check", "Find what can go wrong before it does, and how long an epoch will take",
                            "mpirun -np 4 convoy check configs/cifar10-cnn.yaml");
    config_or_run(sub);
    json(sub);
  }
  void bench() {
    CLI::App* sub =
        command("bench", "Measure training steps, or evaluation, without side effects",
                "mpirun -np 2 convoy bench configs/cifar10-cnn.yaml --steps 200 --json\n"
                "  convoy bench configs/cifar10-cnn.yaml --evaluate\n\n"
                "FLOPs and bytes are those of the plain operations: kernels that leave products out may\n"
                "exceed 100 % of the machine's peak.");
    config_or_run(sub);
    json(sub);
    sub->add_flag("--evaluate", line_.evaluation, "Measure passes over the test split instead");
    sub->add_option("--steps", line_.steps, "Steps to measure (default 50), or passes (default 10)")
        ->option_text("N")
        ->transform(positive_integer());
    sub->add_option("--trace", line_.trace, "Also write when each rank did what, for https://ui.perfetto.dev")
        ->option_text("F.json");
  }
  void diff() {
    CLI::App* sub =
        command("diff", "Find the first step and tensor at which two runs part", "convoy diff runs/a runs/b");
    positional(sub, "RUN", line_.config, "A directory that train has made");
    positional(sub, "OTHER", line_.other, "Another");
    json(sub);
  }

  CLI::App& app_;
  CommandLine& line_;
};

/// What is wrong with the command's name, which CLI11 would only miss; empty where nothing is.
std::string wrong_command(const CLI::App& app, const std::string& name) {
  if (name.starts_with("-")) return "";
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (std::ranges::find(names, name) != names.end()) return "";
  return fmt::format("convoy: {}; there are {}\n",
                     name.empty() ? "no command" : fmt::format("no command '{}'", name),
                     fmt::join(names, ", "));
}

}  // namespace

std::variant<CommandLine, ExitCode> read_command_line(int argc, char** argv, bool speak) {
  CommandLine line;
  CLI::App app("Convoy trains convolutional networks data-parallel, from one YAML file.", "convoy");
  const Grammar grammar(app, line);
  if (const std::string wrong = wrong_command(app, argc > 1 ? argv[1] : ""); !wrong.empty()) {
    if (speak) std::cerr << wrong;
    return ExitCode::config;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_mistake = error.get_exit_code() != 0;  // else --help or --version
    if (speak && is_mistake) std::cerr << fmt::format("convoy: {}\n", explain(app, error));
    if (speak && !is_mistake) app.exit(error);
    return is_mistake ? ExitCode::config : ExitCode::ok;
  }
  return line;
}

}  // namespace convoy
