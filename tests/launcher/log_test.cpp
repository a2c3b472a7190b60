#include "launcher/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/launcher/captured.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST(TerminalLine, StaysBelowTheLines) {
  test::Captured captured;
  {
    Terminal terminal(captured.descriptor(), [] { return 10; });
    terminal.set_status("step 1");
    EXPECT_EQ(captured.take(), "\r\x1b[Kstep 1");
    terminal.print("hello");
    EXPECT_EQ(captured.take(), "\r\x1b[Khello\nstep 1");
    terminal.set_status("much too long");
    EXPECT_EQ(captured.take(), "\r\x1b[Kmuch too ");
    terminal.set_status("");
    EXPECT_EQ(captured.take(), "\r\x1b[K");
    terminal.set_status("");
    EXPECT_EQ(captured.take(), "");
    terminal.set_status("x");
    captured.take();
  }
  EXPECT_EQ(captured.take(), "\r\x1b[K") << "nothing is left on the terminal at the end";
}

TEST(TerminalLine, IsLeftOutWhereNobodyLooks) {
  test::Captured captured;
  Terminal terminal(captured.descriptor(), nullptr);
  terminal.set_status("step 1");
  terminal.print("hello");
  EXPECT_EQ(captured.take(), "hello\n");
}

TEST(TerminalLine, FindsTheTerminalBehindALauncher) {
  const ScreenFacts own{
      .is_terminal = true, .is_pipe = false, .has_launcher = false, .parent_stderr = "", .term = "xterm"};
  EXPECT_EQ(screen_device(own), "/dev/stderr");
  ScreenFacts facts{.is_terminal = false,
                    .is_pipe = true,
                    .has_launcher = true,
                    .parent_stderr = "/dev/pts/3",
                    .term = "xterm"};
  EXPECT_EQ(screen_device(facts), "/dev/pts/3");
  facts.term = "dumb";
  EXPECT_FALSE(screen_device(facts));
  facts.term = "xterm";
  facts.has_launcher = false;  // "convoy 2>&1 | tee log" in a terminal
  EXPECT_FALSE(screen_device(facts));
  facts.has_launcher = true;
  facts.parent_stderr = "pipe:[1234]";  // "mpirun … 2>&1 | tee log"
  EXPECT_FALSE(screen_device(facts));
  facts.parent_stderr = "/dev/pts/3";
  facts.is_pipe = false;  // each rank's standard error goes to a file
  EXPECT_FALSE(screen_device(facts));
  read_screen_facts(false);
  EXPECT_EQ(screen_width("/absent"), 80);
}

class Logs : public testing::Test {
 protected:
  static void say_everything(Log& log) {
    log.record("recorded {}", 1);
    log.info("informed {}", 2);
    log.warning("warned {}", 3);
    log.error("failed {}", 4);
  }
  test::Captured captured_;
  Terminal terminal_{captured_.descriptor(), nullptr};
  const test::TemporaryDirectory directory_;
};

TEST_F(Logs, ArePlainOnTheTerminalAndDatedInTheFile) {
  Log log(terminal_, {});
  log.open_file(directory_ / "log.txt");
  say_everything(log);
  EXPECT_EQ(captured_.take(), "informed 2\nwarning: warned 3\nerror: failed 4\n");
  EXPECT_THAT(
      test::read_text(directory_ / "log.txt"),
      MatchesRegex("....-..-.. ..:..:..\\.... debug recorded 1\n.* info informed 2\n.* warning warned 3\n.* "
                   "error failed 4\n"));
}

TEST_F(Logs, AreAppendedToWhenARunGoesOn) {
  Log(terminal_, {}).open_file(directory_ / "log.txt");
  test::write_text(directory_ / "log.txt", "before\n");
  Log log(terminal_, {});
  log.open_file(directory_ / "log.txt");
  log.info("after");
  EXPECT_THAT(test::read_text(directory_ / "log.txt"), MatchesRegex("before\n.* after\n"));
}

TEST_F(Logs, OfOtherRanksHoldOnlyTheirErrors) {
  Log log(terminal_, {.rank = 3, .ranks = 4, .quiet = false});
  log.open_file(directory_ / "log.txt");
  say_everything(log);
  EXPECT_EQ(captured_.take(), "error: rank 3: failed 4\n");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "log.txt"));
}

TEST_F(Logs, AreQuietOnRequestButForTheFile) {
  Log log(terminal_, {.rank = 0, .ranks = 2, .quiet = true});
  log.open_file(directory_ / "log.txt");
  say_everything(log);
  EXPECT_EQ(captured_.take(), "warning: warned 3\nerror: rank 0: failed 4\n");
  EXPECT_THAT(test::read_text(directory_ / "log.txt"), HasSubstr("informed 2"));
}

TEST_F(Logs, SayWhenTheFileCannotBeWritten) {
  Log log(terminal_, {});
  EXPECT_THAT(test::error_of<CheckpointError>([&] { log.open_file("/proc/log.txt"); }),
              HasSubstr("cannot write the log"));
  log.open_file(directory_ / "log.txt");
  const test::FileSizeLimit limit(16);
  log.info("{}", std::string(1000, 'x'));
  log.info("{}", std::string(1000, 'y'));
  const std::string shown = captured_.take();
  EXPECT_THAT(shown, HasSubstr("lines of the log are lost"));
  EXPECT_EQ(shown.find("are lost"), shown.rfind("are lost")) << "one complaint is enough";
}

TEST_F(Logs, TakeBracesAndBytesAsTheyAre) {
  Log log(terminal_, {});
  log.info("{}", "{} {0} %s \xff");
  EXPECT_EQ(captured_.take(), "{} {0} %s \xff\n");
}

}  // namespace
}  // namespace convoy
