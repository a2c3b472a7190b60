#include "core/cuda/graph.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/cuda/check.h"
#include "core/cuda/memory.h"
#include "core/error.h"
#include "tests/core/cuda/device_values.h"
#include "tests/core/cuda/test_kernels.h"
#include "tests/support/fake_cuda/failing_calls.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::cuda {
namespace {

using fake_cuda::Machine;
using fake_cuda::Options;
using fake_cuda::Order;
using test::Fill;
using test::on_device;
using test::on_host;
using test::Scale;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Options> all_orders() {
  std::vector<Options> orders = {{.order = Order::eager}, {.order = Order::latest}};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) orders.push_back({.order = Order::seeded, .seed = seed});
  return orders;
}

TEST(Graph, RunsAtEachLaunchAndNotBefore) {
  const Machine machine({.order = Order::eager});
  const Stream stream;
  const DeviceMemory value = on_device(std::vector<float>{1});
  machine.history();
  float factor = 2;
  const Graph graph(stream, [&] { launch(stream, 1, Scale{value.as<float>(), value.as<float>(), factor}); });
  EXPECT_EQ(graph.nodes(), 1U);
  EXPECT_THAT(on_host<float>(value), ElementsAre(1));
  factor = 100;  // too late: what the work is given is fixed
  graph.launch(stream);
  graph.launch(stream);
  stream.synchronize();
  EXPECT_THAT(on_host<float>(value), ElementsAre(4));
}

/// A graph of two branches that meet: 10 * 2 and 10 * 3, added up. Without `meet` the second one is
/// forgotten.
struct Branches {
  Stream first, second;
  Event begun, ended;
  DeviceMemory from = on_device(std::vector<float>{0}), twice{4}, thrice{4}, sum{4};

  void queue(bool wait) const {
    launch(first, 1, Fill{from.as<float>(), 10});
    begun.record(first);
    second.wait(begun);
    launch(first, 1, Scale{from.as<float>(), twice.as<float>(), 2});
    launch(second, 1, Scale{from.as<float>(), thrice.as<float>(), 3});
    ended.record(second);
    if (wait) first.wait(ended);
    launch(first, 1, Sum{twice.as<float>(), thrice.as<float>(), sum.as<float>()});
    if (!wait) first.wait(ended);
  }

  struct Sum {
    const float *a, *b;
    float* to;
    CONVOY_DEVICE void operator()(std::int64_t i) const { to[i] = a[i] + b[i]; }
  };
};

TEST(Graph, HasBranchesWhereStreamsWaitForEachOther) {
  for (const Options& options : all_orders()) {
    const Machine machine(options);
    const Branches branches;
    const Graph graph(branches.first, [&] { branches.queue(true); });
    EXPECT_EQ(graph.nodes(), 4U);
    const Stream other;
    graph.launch(other);
    other.synchronize();
    EXPECT_THAT(on_host<float>(branches.sum), ElementsAre(50));
  }
}

TEST(FakeCuda, AMissingWaitBetweenBranchesIsCaught) {
  const Machine machine({.order = Order::latest});
  Branches branches;
  std::swap(branches.first, branches.second);  // the first one is the newer one, and so runs first
  const Graph graph(branches.first, [&] { branches.queue(false); });
  graph.launch(branches.first);
  branches.first.synchronize();
  EXPECT_TRUE(std::isnan(on_host<float>(branches.sum)[0]));
}

TEST(Graph, CopiesAtEachLaunchAndPoisonsWhatItCopiesTo) {
  const Machine machine({.order = Order::latest});
  const Stream stream;
  const DeviceMemory value = on_device(std::vector<float>{1});
  const PinnedMemory pinned(4);
  const Graph graph(stream, [&] {
    launch(stream, 1, Scale{value.as<float>(), value.as<float>(), 2});
    copy_to_host(stream, pinned.data(), value.data(), 4);
  });
  EXPECT_EQ(pinned.as<float>()[0], 0);
  graph.launch(stream);
  EXPECT_TRUE(std::isnan(pinned.as<float>()[0]));
  stream.synchronize();
  EXPECT_EQ(pinned.as<float>()[0], 2);
  graph.launch(stream);
  EXPECT_TRUE(std::isnan(pinned.as<float>()[0]));
  stream.synchronize();
  EXPECT_EQ(pinned.as<float>()[0], 4);
}

TEST(Graph, LaunchesFollowEachOtherInWhateverStreams) {
  for (const Options& options : all_orders()) {
    const Machine machine(options);
    const Stream stream, other;
    const DeviceMemory value = on_device(std::vector<float>{1});
    const Graph graph(stream, [&] {
      launch(stream, 1, Scale{value.as<float>(), value.as<float>(), 2});
      launch(stream, 1, Scale{value.as<float>(), value.as<float>(), 2});
    });
    graph.launch(stream);
    graph.launch(other);
    other.synchronize();
    EXPECT_THAT(on_host<float>(value), ElementsAre(16));
  }
}

TEST(Graph, LeavesTheStreamAsItWasWhereQueueingFails) {
  const Machine machine({});
  const Stream stream;
  const DeviceMemory value(4);
  const auto failing = [&] {
    launch(stream, 1, Fill{value.as<float>(), 1});
    throw std::runtime_error("of the work's own");
  };
  EXPECT_THROW(Graph(stream, failing), std::runtime_error);
  launch(stream, 1, Fill{value.as<float>(), 2});
  stream.synchronize();
  EXPECT_THAT(machine.history(), ElementsAre("Fill"));
  EXPECT_EQ(machine.leaks(), "1 of cudaMalloc, 1 of cudaStreamCreate");
}

TEST(Graph, FailsCleanlyWhateverCallFails) {
  fake_cuda::expect_each_failure_to_be_clean({}, [] {
    const Branches branches;
    const Graph graph(branches.first, [&] { branches.queue(true); });
    graph.launch(branches.second);
    branches.second.synchronize();
    EXPECT_THAT(on_host<float>(branches.sum), ElementsAre(50));
  });
}

/// What a graph whose work is queued like this fails with.
template <class Queue>
std::string error_of_graph(const Stream& stream, const Queue& queue) {
  try {
    const Graph graph(stream, queue);
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "";
}

class FakeCudaCapture : public testing::Test {
 protected:
  Machine machine_{{}};
  Stream stream_, other_;
  Event event_;
  DeviceMemory value_ = on_device(std::vector<float>{1});
};

TEST_F(FakeCudaCapture, RejectsAllocation) {
  EXPECT_THAT(error_of_graph(stream_, [] { const DeviceMemory memory(4); }),
              HasSubstr("not permitted when stream is capturing"));
  EXPECT_NE(error_of_graph(stream_, [] { const PinnedMemory memory(4); }), "");
  EXPECT_NE(error_of_graph(stream_, [&] { value_ = DeviceMemory(); }), "");
}

TEST_F(FakeCudaCapture, RejectsSynchronization) {
  EXPECT_THAT(error_of_graph(stream_, [&] { stream_.synchronize(); }), HasSubstr("when stream is capturing"));
  EXPECT_NE(error_of_graph(stream_, [&] { other_.synchronize(); }), "");
  EXPECT_NE(error_of_graph(stream_, [&] { static_cast<void>(other_.is_done()); }), "");
  EXPECT_NE(error_of_graph(stream_, [&] { event_.synchronize(); }), "");
  EXPECT_NE(error_of_graph(stream_, [&] { on_host<float>(value_); }), "");
  EXPECT_FALSE(fake_cuda::is_capturing());
}

TEST_F(FakeCudaCapture, IsSpoiledByWhatWasRejectedEvenWhereNobodyLooked) {
  EXPECT_THAT(error_of_graph(stream_,
                             [] {
                               EXPECT_TRUE(fake_cuda::is_capturing());
                               EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported);
                             }),
              HasSubstr("previous error during capture"));
}

TEST_F(FakeCudaCapture, LetsOtherThreadsAllocateAndSynchronize) {
  const Graph graph(stream_, [&] {
    launch(stream_, 1, Fill{value_.as<float>(), 2});
    std::thread([&] {
      const DeviceMemory memory = on_device(std::vector<float>{1});
      other_.synchronize();
      EXPECT_FALSE(fake_cuda::is_capturing());
    }).join();
  });
  EXPECT_EQ(graph.nodes(), 1U);
}

TEST_F(FakeCudaCapture, RejectsBranchesThatAreNotMet) {
  EXPECT_THAT(error_of_graph(stream_,
                             [&] {
                               event_.record(stream_);
                               other_.wait(event_);
                               launch(other_, 1, Fill{value_.as<float>(), 2});
                             }),
              HasSubstr("unjoined"));
  launch(other_, 1, Fill{value_.as<float>(), 3});  // which is no longer captured
  other_.synchronize();
  EXPECT_THAT(on_host<float>(value_), ElementsAre(3));
}

TEST_F(FakeCudaCapture, RejectsWaitingForWhatIsNotCaptured) {
  launch(other_, 1, Fill{value_.as<float>(), 2});
  event_.record(other_);
  EXPECT_THAT(error_of_graph(stream_, [&] { stream_.wait(event_); }), HasSubstr("uncaptured work"));
}

TEST_F(FakeCudaCapture, RejectsWaitingOutsideForWhatIsCaptured) {
  const Graph graph(stream_, [&] { event_.record(stream_); });
  EXPECT_THROW(event_.synchronize(), DeviceError);
  EXPECT_THROW(other_.wait(event_), DeviceError);
}

TEST_F(FakeCudaCapture, RejectsCopiesOfPageableMemory) {
  float pageable = 0;
  EXPECT_NE(error_of_graph(stream_, [&] { copy_to_host(stream_, &pageable, value_.data(), 4); }), "");
}

}  // namespace
}  // namespace convoy::cuda
