#include "core/cpu/libraries.h"

#include <array>
#include <cstdio>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <unistd.h>

#include "core/cpu/backend.h"
#include "core/sha256.h"
#include "tests/core/cpu/kernel_runner.h"
#include "tests/core/cpu/random_ops.h"

namespace convoy {
namespace {

using namespace test;

TEST(Libraries, FactsNameEveryLibraryWithItsInstructionSet) {
  const CpuLibraries facts = cpu_libraries(widest_isa());
  EXPECT_THAT(facts.libraries.at("openblas"), testing::MatchesRegex("[0-9]+[.][0-9]+.*"));
  EXPECT_EQ(facts.instruction_sets.at("convoy"), name_of(widest_isa()));
  for (const auto& [library, version] : facts.libraries)
    EXPECT_NE(facts.instruction_sets.at(library), "") << library;
}

void hash(Sha256& sha, const std::vector<double>& values) { sha.update(std::as_bytes(std::span(values))); }

// Run in processes of their own by the tests below.
TEST(Libraries, DISABLED_PrintFactsAndHashOfEveryKernel) {
  if (const char* isa = std::getenv("CONVOY_TEST_ISA"))
    pin_libraries(std::string(isa) == "avx2" ? Isa::avx2 : Isa::portable);
  Sha256 sha;
  const CpuBackend backend(loops_of(Isa::portable));
  for (const auto& provider : backend.providers())
    for (std::uint32_t draw = 0; draw < 6; ++draw) {
      std::vector<Op> ops = draw_ops(draw);
      Conv2dOp conv;
      conv.window.height = conv.window.width = 3;
      conv.window = same_window({16, 16, 16}, conv.window);
      ops.push_back(conv2d_op({16, 16, 16}, 32, conv));
      ops.push_back(dense_op({512}, 128));
      for (const Op& op : ops) {
        if (!provider->offer(std::span(&op, 1), DType::float32)) continue;
        const auto kernel = provider->make(std::span(&op, 1), DType::float32);
        const Results results =
            run<float>(*kernel, std::span(&op, 1), 8, draw_numbers(std::span(&op, 1), 8, draw));
        for (const auto* values :
             {&results.output, &results.grad_input, &results.forward_record, &results.backward_record})
          hash(sha, *values);
        for (const auto& values : results.grad_parameters) hash(sha, values);
      }
    }
  const auto facts = cpu_libraries(Isa::portable);
  const auto onednn = facts.instruction_sets.find("onednn");
  std::printf("onednn=%s openblas=%s hash=%s\n",
              onednn == facts.instruction_sets.end() ? "" : onednn->second.c_str(),
              facts.instruction_sets.at("openblas").c_str(), sha.hex().c_str());
}

/// The line that the test above prints under these settings of the environment.
std::string printed(const std::string& environment) {
  std::array<char, 4096> self{};
  EXPECT_GT(readlink("/proc/self/exe", self.data(), self.size() - 1), 0);
  const std::string command =
      "env " + environment + " '" + self.data() +
      "' --gtest_also_run_disabled_tests --gtest_filter=Libraries.DISABLED_Print* | grep ^onednn=";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 4096> line{};
  EXPECT_TRUE(pipe && std::fgets(line.data(), line.size(), pipe.get())) << command;
  return line.data();
}

TEST(Libraries, ThreadsOfTheEnvironmentChangeNoBit) {
  EXPECT_EQ(printed("OMP_NUM_THREADS=7 OPENBLAS_NUM_THREADS=7"),
            printed("OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"));
}

TEST(Libraries, PinningKeepsThemToTheInstructionSet) {
  if (widest_isa() < Isa::avx2)
    GTEST_SKIP() << "needs a processor with more than the portable instruction set";
  const std::string avx2 = printed("CONVOY_TEST_ISA=avx2 OPENBLAS_CORETYPE=Haswell");
  EXPECT_THAT(avx2, testing::HasSubstr("openblas=Haswell"));
  const std::string portable = printed("CONVOY_TEST_ISA=portable OPENBLAS_CORETYPE=Prescott");
  EXPECT_THAT(portable, testing::HasSubstr("openblas=Prescott"));
  if (cpu_libraries(widest_isa()).libraries.contains("onednn")) {
    EXPECT_THAT(avx2, testing::HasSubstr("onednn=avx2 "));
    EXPECT_THAT(portable, testing::HasSubstr("onednn=sse41 "));
  }
}

TEST(Libraries, OpenblasIsToldToUseWhatTheProcessorHas) {
  for (Isa isa : available_isas()) {
    const auto core = openblas_coretype(isa);
    if (!core) continue;
    EXPECT_THAT(printed("OPENBLAS_CORETYPE=" + *core), testing::HasSubstr("openblas=" + *core))
        << name_of(isa);
  }
}

TEST(Libraries, FlushedDenormalsAreZeroInTheirThread) {
  std::thread([] {
    flush_denormals();
    volatile float smallest = 0x1p-126F;
    EXPECT_EQ(smallest * 0.5F, 0.0F);
  }).join();
  volatile float smallest = 0x1p-126F;
  EXPECT_NE(smallest * 0.5F, 0.0F);
}

}  // namespace
}  // namespace convoy
