#include "launcher/run_directory.h"

#include <algorithm>
#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/host.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RunDirectories : public testing::Test {
 protected:
  RunDirectory open(bool afresh = false) {
    return RunDirectory(path_, afresh, [this](const std::string& text) { warnings_.push_back(text); });
  }
  std::string error(bool afresh = false) {
    return error_of<ConfigError>([&] { open(afresh); });
  }
  /// A run that began.
  void begin(std::string_view config = "name: x") {
    fs::create_directories(path_);
    test::write_text(path_ / "resolved.yaml", config);
  }

  const test::TemporaryDirectory directory_;
  fs::path path_ = directory_ / "runs" / "x";
  std::vector<std::string> warnings_;
};

TEST_F(RunDirectories, AreCreatedWithTheirParents) {
  const RunDirectory run = open();
  EXPECT_TRUE(run.is_new());
  EXPECT_FALSE(run.moved_aside());
  EXPECT_TRUE(fs::is_directory(path_));
  EXPECT_EQ(run.paths().metrics(), path_ / "metrics.jsonl");
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(RunDirectories, KeepTheRunThatIsThere) {
  begin();
  test::write_text(path_ / ".final.safetensors.tmp-123", "half");
  const RunDirectory run = open();
  EXPECT_FALSE(run.is_new());
  EXPECT_TRUE(fs::exists(path_ / "resolved.yaml"));
  EXPECT_FALSE(fs::exists(path_ / ".final.safetensors.tmp-123"));
}

TEST_F(RunDirectories, BelongToOneProcess) {
  const RunDirectory first = open();
  const auto holder = "in use by process " + std::to_string(::getpid()) + " on " + host_name();
  EXPECT_THAT(error(), AllOf(HasSubstr(path_.string()), HasSubstr(holder), HasSubstr("--run-dir")));
  EXPECT_THAT(error(/*afresh=*/true), HasSubstr("in use"));
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(RunDirectories, AreFreeAgainWhenTheHolderIsGone) {
  open();
  EXPECT_EQ(error(), "");
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const RunDirectory held = open();
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT(error(), HasSubstr("in use by process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(error(), "");
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(RunDirectories, HaveOneHolderAmongManyThatStartAtOnce) {
  begin();
  std::array<int, 2> results{};
  std::array<int, 2> hold{};
  ASSERT_EQ(::pipe(results.data()), 0);
  ASSERT_EQ(::pipe(hold.data()), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    ::close(hold[1]);
    char result = 'e';
    std::optional<RunDirectory> run;
    try {
      run.emplace(path_, /*afresh=*/i % 2 == 0, [](const std::string&) {});
      result = 'h';
    } catch (const ConfigError&) {
      result = 'r';
    } catch (...) {
    }
    bool done = ::write(results[1], &result, 1) == 1;
    done = ::read(hold[0], &result, 1) == 0 && done;  // until the parent has heard from all
    ::_exit(done ? 0 : 1);
  }
  std::string heard(children.size(), ' ');
  for (char& result : heard) ASSERT_EQ(::read(results[0], &result, 1), 1);
  ::close(hold[1]);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  EXPECT_EQ(std::ranges::count(heard, 'h'), 1) << heard;
  EXPECT_EQ(std::ranges::count(heard, 'r'), 7) << heard;
  for (const int end : {results[0], results[1], hold[0]}) ::close(end);
}

TEST_F(RunDirectories, AreMovedAsideAndNeverDeleted) {
  path_ /= "";  // a trailing slash changes nothing
  begin("first");
  EXPECT_EQ(open(true).moved_aside(), directory_ / "runs" / "x.old-1");
  EXPECT_EQ(test::read_text(directory_ / "runs" / "x.old-1" / "resolved.yaml"), "first");
  EXPECT_TRUE(open().is_new());
  EXPECT_FALSE(open(true).moved_aside()) << "an empty directory needs no moving";
  begin("second");
  const RunDirectory run = open(true);
  EXPECT_EQ(test::read_text(directory_ / "runs" / "x.old-2" / "resolved.yaml"), "second");
  EXPECT_THAT(error(), HasSubstr("in use"));
}

TEST_F(RunDirectories, AreDiscardedWithoutATrace) {
  {
    RunDirectory run = open();
    test::write_text(path_ / "resolved.yaml", "new");
    test::write_text(path_ / "log.txt", "new");
    EXPECT_TRUE(run.discard());
  }
  EXPECT_FALSE(fs::exists(path_));
  begin("first");
  EXPECT_FALSE(open().discard()) << "a run that was there before";
  {
    RunDirectory run = open(true);
    test::write_text(path_ / "resolved.yaml", "new");
    EXPECT_TRUE(run.discard());
  }
  EXPECT_EQ(test::read_text(path_ / "resolved.yaml"), "first") << "moved back";
  EXPECT_FALSE(fs::exists(directory_ / "runs" / "x.old-1"));
}

TEST_F(RunDirectories, LeaveOtherPeoplesFilesAlone) {
  fs::create_directories(path_);
  test::write_text(path_ / "thesis.tex", "x");
  EXPECT_THAT(error(), HasSubstr("holds files but no run"));
  EXPECT_THAT(error(true), HasSubstr("holds files but no run"));
  EXPECT_FALSE(fs::exists(path_ / "lock"));
}

TEST_F(RunDirectories, SayWhyTheyCannotBeMade) {
  fs::create_directories(directory_ / "runs");
  test::write_text(directory_ / "runs" / "x", "a file");
  EXPECT_THAT(error(), AllOf(HasSubstr("cannot create the run directory"), HasSubstr("--run-dir")));
  fs::create_directories(directory_ / "locked");
  const test::UnwritableDirectory locked(directory_ / "locked");
  path_ = directory_ / "locked";
  EXPECT_THAT(error(), HasSubstr("cannot write to the run directory"));
  path_ = directory_ / "locked" / "x";
  EXPECT_THAT(error(), HasSubstr("Permission denied"));
}

TEST_F(RunDirectories, AreFinishedOnceTheEndIsWritten) {
  begin();
  const RunPaths paths{path_};
  EXPECT_FALSE(end_of_run(paths));
  MetricsWriter writer(paths.metrics());
  writer.write("end", {{"weights_sha256", "abc"}});
  EXPECT_FALSE(end_of_run(paths)) << "without final weights there is nothing to evaluate";
  test::write_text(paths.final_weights(), "x");
  EXPECT_EQ(end_of_run(paths)->at("weights_sha256"), "abc");
  writer.write("restart", MetricsEvent::object());
  EXPECT_FALSE(end_of_run(paths));
}

TEST_F(RunDirectories, RefuseAnEditedConfigKeyByKey) {
  const RunPaths paths{path_};
  EXPECT_NO_THROW(require_same_config(paths, {}));
  using config::Effect;
  std::vector<config::Difference> changes{{"distributed.threads_per_rank", "1", "2", Effect::free},
                                          {"train.epochs", "10", "20", Effect::extends}};
  EXPECT_NO_THROW(require_same_config(paths, changes));
  changes.push_back({"seed", "42", "43", Effect::decides});
  changes.push_back({"optimizer.adam.learning_rate", "0.001", "0.002", Effect::decides});
  const std::string text = error_of<ConfigError>([&] { require_same_config(paths, changes); });
  EXPECT_THAT(text, AllOf(HasSubstr("\n  seed: 42 -> 43"), HasSubstr("learning_rate: 0.001 -> 0.002"),
                          HasSubstr("--run-dir"), HasSubstr("--resume never"), HasSubstr("x.old-1")));
  EXPECT_THAT(text, Not(AnyOf(HasSubstr("epochs"), HasSubstr("threads"))));
}

}  // namespace
}  // namespace convoy
