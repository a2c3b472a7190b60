#include "launcher/checkpoint.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "core/error.h"
#include "launcher/checkpoint_manifest.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::read_text;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckpointFiles : public testing::Test {
 protected:
  static CheckpointState state_at(std::int64_t step) {
    CheckpointState state;
    state.cursor = {step / 10, step % 10, step};
    state.config_hash = "c0ffee";
    state.fingerprint.probe = "0123";
    state.best = {"val_accuracy", 0.1 + 0.2, {1, 0, 10}};
    state.early_stopping = {"val_loss", -std::numeric_limits<double>::infinity(), 2, 3};
    state.metrics = {12, 3456};
    state.epoch_totals = {{"loss", 0x1.fffffffffffffp-3}, {"correct", 17}};
    return state;
  }

  fs::path save(std::int64_t step) {
    std::ranges::fill(kernel_, static_cast<float>(step));
    const std::array<std::int64_t, 2> shape{2, 3};
    const std::vector<TensorFile> files{{"weights", {stored_tensor<float>("dense/kernel", shape, kernel_)}},
                                        {"optimizer",
                                         {stored_tensor<float>("dense/kernel/m", shape, moment_),
                                          stored_tensor<float>("dense/kernel/v", shape, moment_)}}};
    return save_checkpoint(checkpoints_, state_at(step), files);
  }

  std::optional<Checkpoint> newest() {
    return newest_whole_checkpoint(checkpoints_,
                                   [this](const std::string& text) { warnings_.push_back(text); });
  }
  void prune(std::int64_t keep, std::int64_t newest, std::optional<std::int64_t> proven = std::nullopt) {
    prune_checkpoints(checkpoints_, keep, newest, proven,
                      [this](const std::string& text) { warnings_.push_back(text); });
  }
  void clean() {
    clean_checkpoints(checkpoints_, [this](const std::string& text) { warnings_.push_back(text); });
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    if (fs::exists(checkpoints_)) {
      for (const auto& entry : fs::directory_iterator(checkpoints_))
        names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  const test::TemporaryDirectory directory_;
  fs::path checkpoints_ = directory_ / "run" / "checkpoints";
  std::vector<float> kernel_ = std::vector<float>(6, 1.0F);
  std::vector<float> moment_ = std::vector<float>(6, 0.5F);
  std::vector<std::string> warnings_;
};

TEST_F(CheckpointFiles, GiveBackStateAndTensors) {
  const Checkpoint checkpoint(save(25));
  EXPECT_EQ(checkpoint.directory(), checkpoints_ / "step-25");
  EXPECT_EQ(checkpoint.state(), state_at(25));
  std::vector<float> kernel(6);
  checkpoint.file("weights").read<float>("dense/kernel", std::array<std::int64_t, 2>{2, 3}, kernel);
  EXPECT_EQ(kernel[5], 25.0F);
  EXPECT_NE(checkpoint.file("optimizer").find("dense/kernel/v"), nullptr);
  EXPECT_THAT(error_of<CheckpointError>([&] { checkpoint.file("absent"); }),
              HasSubstr("has no absent.safetensors"));
  EXPECT_THAT(entries(), ElementsAre("step-25"));
}

TEST_F(CheckpointFiles, DescribeThemselvesWithoutOptionalParts) {
  CheckpointState state;
  state.epoch_totals["loss"] = std::numeric_limits<double>::infinity();
  const Manifest manifest = parse_manifest(manifest_text({state, {}}));
  EXPECT_EQ(manifest.state, state);
  state.epoch_totals["loss"] = NAN;
  EXPECT_TRUE(std::isnan(parse_manifest(manifest_text({state, {}})).state.epoch_totals["loss"]));
}

TEST_F(CheckpointFiles, AreFoundNewestFirstAndByNumber) {
  EXPECT_FALSE(newest());
  for (const std::int64_t step : {9, 100, 20}) save(step);
  fs::create_directory(checkpoints_ / "step-0999");
  fs::create_directory(checkpoints_ / "step-12x");
  fs::create_directory(checkpoints_ / "step-");
  EXPECT_THAT(checkpoint_steps(checkpoints_), ElementsAre(9, 20, 100));
  EXPECT_EQ(newest()->state().cursor.global_step, 100);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(CheckpointFiles, ReplaceOneOfTheSameStep) {
  save(5);
  test::write_text(checkpoints_ / "step-5" / "weights.safetensors", "damaged");
  save(5);
  EXPECT_EQ(newest()->state().cursor.global_step, 5);
  EXPECT_THAT(entries(), ElementsAre("step-5"));
}

TEST_F(CheckpointFiles, NoticeEveryFlippedBit) {
  const fs::path whole = save(20);
  for (const char* name : {"manifest.json", "weights.safetensors", "optimizer.safetensors"}) {
    const std::string text = read_text(whole / name);
    for (std::size_t i = 0; i < text.size(); ++i) {
      test::write_byte(whole / name, i, static_cast<char>(text[i] ^ (1 << i % 8)));
      try {
        // White space between the manifest's words carries no meaning; nothing else may pass.
        EXPECT_EQ(Checkpoint(whole).state(), state_at(20)) << name << " byte " << i;
        EXPECT_TRUE(std::isspace(static_cast<unsigned char>(text[i]))) << name << " byte " << i;
      } catch (const CheckpointError& error) {
        EXPECT_THAT(error.what(), HasSubstr(name));
      }
      test::write_byte(whole / name, i, text[i]);
    }
  }
  EXPECT_NO_THROW(Checkpoint{whole});
}

TEST_F(CheckpointFiles, NoticeEveryTruncationAndMissingFile) {
  const fs::path whole = save(20);
  for (const char* name : {"manifest.json", "weights.safetensors", "optimizer.safetensors"}) {
    const std::string text = read_text(whole / name);
    // Cutting only the manifest's last line end loses nothing.
    const std::size_t end = text.back() == '\n' ? text.size() - 1 : text.size();
    for (std::size_t size = end; size-- > 0;) {
      fs::resize_file(whole / name, size);
      EXPECT_THROW(Checkpoint{whole}, CheckpointError) << name << " at " << size;
    }
    fs::remove(whole / name);
    EXPECT_THAT(error_of<CheckpointError>([&] { Checkpoint{whole}; }), HasSubstr(name));
    test::write_text(whole / name, text);
  }
}

TEST_F(CheckpointFiles, SkipDamagedOnesWithTheReason) {
  save(10);
  save(20);
  save(30);
  fs::resize_file(checkpoints_ / "step-30" / "optimizer.safetensors", 10);
  fs::remove(checkpoints_ / "step-20" / "manifest.json");
  EXPECT_EQ(newest()->state().cursor.global_step, 10);
  EXPECT_THAT(warnings_,
              ElementsAre(HasSubstr("damaged checkpoint of step 30: " + checkpoints_.string() +
                                    "/step-30/optimizer.safetensors: 10 bytes, the manifest promises"),
                          HasSubstr("step-20/manifest.json: missing")));
}

TEST_F(CheckpointFiles, RefuseAnotherFormat) {
  EXPECT_THAT(error_of<CheckpointError>([] { parse_manifest(R"({"format": 2})"); }),
              HasSubstr("is of format 2"));
  EXPECT_THAT(error_of<CheckpointError>([] { parse_manifest(R"([])"); }), HasSubstr("is damaged"));
  EXPECT_EQ(error_of<CheckpointError>([] { parse_manifest(R"({"format": 1, )"); }),
            "is damaged: it is cut off, or no JSON");
  EXPECT_THROW(parse_manifest(std::string(100'000, '[')), CheckpointError);
}

TEST_F(CheckpointFiles, ArePrunedToTheNewest) {
  for (const std::int64_t step : {10, 20, 30, 40, 50}) save(step);
  prune(2, 50);
  EXPECT_THAT(entries(), ElementsAre("step-40", "step-50"));
  prune(0, 50);
  EXPECT_THAT(entries(), ElementsAre("step-50"));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(CheckpointFiles, ThatAStepWasTakenFromStay) {
  for (std::int64_t step : {1, 2, 3, 4}) save(step);
  prune(2, 4, 1);
  EXPECT_EQ(checkpoint_steps(checkpoints_), (std::vector<std::int64_t>{1, 3, 4}));
}

TEST_F(CheckpointFiles, OfAFutureThatWasGivenUpArePruned) {
  for (const std::int64_t step : {10, 20, 30, 40, 50}) save(step);
  prune(2, 30);
  EXPECT_THAT(entries(), ElementsAre("step-20", "step-30"));
}

TEST_F(CheckpointFiles, AreCleanedOfInterruptedWork) {
  save(10);
  save(20);
  fs::rename(checkpoints_ / "step-20", checkpoints_ / ".replaced-step-20");  // killed between the two renames
  fs::create_directories(checkpoints_ / ".writing-step-20" / "x");
  fs::create_directories(checkpoints_ / ".removing-step-5");
  fs::create_directories(checkpoints_ / ".replaced-step-10");
  clean();
  EXPECT_THAT(entries(), ElementsAre("step-10", "step-20"));
  EXPECT_EQ(newest()->state().cursor.global_step, 20);
}

TEST_F(CheckpointFiles, LeaveNothingOnAFullDisk) {
  const test::TinyDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "only where a file system can be mounted";
  checkpoints_ = disk.path();
  save(1);
  moment_.resize(6);
  test::write_text(disk.path() / "ballast", std::string(40'000, 'x'));
  bool failed = false;
  for (std::int64_t step = 2; step < 20 && !failed; ++step) {
    const std::string error = error_of<CheckpointError>([&] { save(step); });
    failed = !error.empty();
    if (failed) {
      EXPECT_THAT(error, HasSubstr("No space left on device"));
      EXPECT_EQ(newest()->state().cursor.global_step, step - 1);
    }
  }
  EXPECT_TRUE(failed);
  for (const std::string& name : entries()) EXPECT_FALSE(name.starts_with('.')) << name;
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(CheckpointFiles, SayWhenTheyCannotBeWrittenOrRemoved) {
  save(1);
  save(2);
  const test::UnwritableDirectory locked(checkpoints_);
  EXPECT_THAT(error_of<CheckpointError>([&] { save(3); }), HasSubstr("Permission denied"));
  prune(1, 2);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("an old checkpoint stays: cannot rename")));
  EXPECT_THAT(entries(), ElementsAre("step-1", "step-2"));
}

}  // namespace
}  // namespace convoy
