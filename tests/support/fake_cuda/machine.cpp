#include "tests/support/fake_cuda/machine.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>

namespace convoy::fake_cuda {
namespace {

State* the_machine = nullptr;
std::int64_t machines = 0;  // so far

/// What CUDA keeps for each thread, for the machine that is there now.
struct ThreadState {
  std::int64_t machine = 0;
  int device = 0;
  std::shared_ptr<Capture> capture;
};
ThreadState& thread_state() {
  thread_local ThreadState state;
  if (state.machine != machines) state = {.machine = machines, .device = 0, .capture = nullptr};
  return state;
}

}  // namespace

std::recursive_mutex& machine_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}
State* machine() { return the_machine; }
int& current_device() { return thread_state().device; }
std::shared_ptr<Capture>& current_capture() { return thread_state().capture; }

State::State(const Options& given)
    : options(given), queue(given.order, given.seed, [this](Work& work) { execute(work); }) {
  for (int device = 0; device < given.devices; ++device) {
    devices.push_back(std::make_unique<DeviceArena>(given.memory_bytes));
    default_streams.push_back(std::make_unique<CUstream_st>());
    default_streams.back()->device = device;
    default_streams.back()->lane = lanes++;
  }
}

State::~State() {
  for (const auto& [memory, bytes] : pinned) std::free(memory);
  for (const auto stream : streams) delete stream;
  for (const auto event : events) delete event;
  for (const auto graph : graphs) delete graph;
  for (const auto executable : executables) delete executable;
}

void State::execute(Work& work) {
  for (std::size_t device = 0; device < devices.size(); ++device) {
    const bool takes_part =
        std::find(work.devices.begin(), work.devices.end(), static_cast<int>(device)) != work.devices.end();
    takes_part ? devices[device]->open() : devices[device]->close();
  }
  running = true;
  try {
    work.run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "fake CUDA: %s failed: %s\n", work.name.c_str(), failure.what());
    broken = cudaErrorLaunchFailure;
  }
  running = false;
  history.push_back(work.name);
}

void State::close_devices() {
  for (const auto& device : devices) device->close();
}

void State::complain(const std::string& what) {
  std::fprintf(stderr, "fake CUDA: %s\n", what.c_str());
  complaints.push_back(what);
}

cudaError_t reject(cudaError_t code, const std::string& why) {
  std::fprintf(stderr, "fake CUDA rejects a call: %s\n", why.c_str());
  return code;
}

cudaError_t failure_of(std::string_view name) {
  return name.find("alloc") == std::string_view::npos ? cudaErrorUnknown : cudaErrorMemoryAllocation;
}

cudaError_t finish(State& state, const WorkPointer& target) {
  using Clock = std::chrono::steady_clock;
  const auto give_up = Clock::now() + std::chrono::seconds(60);
  if (target) state.queue.want(target);
  while (target && !target->done) {
    if (state.queue.step()) continue;
    if (Clock::now() > give_up) {
      std::fprintf(stderr, "fake CUDA: a stream waits for ever for others to take part in a collective\n");
      std::abort();
    }
    state.close_devices();
    state.changed.wait_for(machine_mutex(), std::chrono::milliseconds(100));
    state.queue.want(target);
  }
  return state.broken;
}

void finish_device(State& state, int device) {
  const auto finish_stream = [&](const CUstream_st& stream) {
    if (stream.device != device || !stream.last) return;
    state.queue.want(stream.last);
    while (!stream.last->done && state.queue.step()) {
    }
  };
  for (const auto& stream : state.default_streams) finish_stream(*stream);
  for (const auto stream : state.streams) finish_stream(*stream);
}

bool breaks_capture() {
  const auto& capture = current_capture();
  if (!capture || capture->ended) return false;
  capture->valid = false;
  return true;
}

bool is_capturing() {
  const std::unique_lock lock(machine_mutex());
  return machine() && current_capture() && !current_capture()->ended;
}

cudaStream_t find_stream(State& state, cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy)
    return state.default_streams[static_cast<std::size_t>(current_device())].get();
  return state.streams.contains(stream) ? stream : nullptr;
}

cudaError_t queue_work(State& state, cudaStream_t stream, Node node) {
  if (!stream) return reject(cudaErrorInvalidResourceHandle, node.name + " in a stream that is not there");
  node.lane = stream->lane;
  node.device = stream->device;
  if (const auto& capture = stream->capture) {
    if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
    node.after = stream->frontier;
    capture->nodes.push_back(std::move(node));
    stream->frontier = {capture->nodes.size() - 1};
    return cudaSuccess;
  }
  if (state.broken != cudaSuccess) return state.broken;
  stream->last = queue_node(state, node, {stream->last});
  after_queueing(state);
  return cudaSuccess;
}

WorkPointer queue_node(State& state, const Node& node, const std::vector<WorkPointer>& after) {
  if (node.prepare) node.prepare();
  if (node.join) {
    WorkPointer whole = node.join()->work();
    whole->name = node.name;
    whole->devices.push_back(node.device);
    state.queue.join(whole, after);
    return whole;
  }
  auto work = std::make_shared<Work>();
  work->name = node.name;
  work->run = node.run;
  work->devices = {node.device};
  work->lane = node.lane;
  state.queue.add(work, after);
  return work;
}

void after_queueing(State& state) {
  state.queue.run_unasked();
  state.changed.notify_all();
}

Machine::Machine(const Options& options) {
  const std::unique_lock lock(machine_mutex());
  if (the_machine) throw std::logic_error("there can be only one fake_cuda::Machine at a time");
  the_machine = new State(options);
  ++machines;
}

Machine::~Machine() {
  const std::unique_lock lock(machine_mutex());
  delete std::exchange(the_machine, nullptr);
  ++machines;
}

std::int64_t Machine::calls() const {
  const std::unique_lock lock(machine_mutex());
  return the_machine->calls;
}

std::string Machine::failed_call() const {
  const std::unique_lock lock(machine_mutex());
  return the_machine->failed_call;
}

std::string Machine::leaks() const {
  const std::unique_lock lock(machine_mutex());
  std::map<std::string, int> numbers;
  for (const auto& [handle, what] : the_machine->held) ++numbers[what];
  std::string text;
  for (const auto& [what, number] : numbers)
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", number, what);
  for (const auto& complaint : the_machine->complaints) text += (text.empty() ? "" : ", ") + complaint;
  return text;
}

std::vector<std::string> Machine::history() const {
  const std::unique_lock lock(machine_mutex());
  return the_machine->history;
}

void Machine::forget_history() {
  const std::unique_lock lock(machine_mutex());
  the_machine->history.clear();
}

bool begin_call(const char* name) {
  const std::unique_lock lock(machine_mutex());
  if (!the_machine) return true;
  if (the_machine->running) {
    std::fprintf(stderr, "fake CUDA: queued work calls %s\n", name);
    std::abort();
  }
  if (++the_machine->calls != the_machine->options.failing_call) return false;
  the_machine->failed_call = name;
  return true;
}

void acquired(const char* what, const void* handle) {
  const std::unique_lock lock(machine_mutex());
  if (the_machine) the_machine->held[{handle, what}] = what;
}

bool released(const char* what, const void* handle) {
  const std::unique_lock lock(machine_mutex());
  if (!the_machine) return false;
  if (the_machine->held.erase({handle, what}) > 0) return true;
  the_machine->complain(fmt::format("given back what {} did not give", what));
  return false;
}

namespace {

cudaError_t enqueue_node(cudaStream_t stream, Node node) {
  const std::unique_lock lock(machine_mutex());
  State* state = machine();
  if (!state) return cudaErrorInsufficientDriver;
  const cudaStream_t found = find_stream(*state, stream);
  if (found && found->device != current_device())
    return reject(cudaErrorInvalidResourceHandle,
                  node.name + " in a stream of another device than the current one");
  const cudaError_t code = queue_work(*state, found, std::move(node));
  state->close_devices();
  return code;
}

}  // namespace

cudaError_t enqueue(cudaStream_t stream, std::string name, std::function<void()> work) {
  Node node;
  node.name = std::move(name);
  node.run = std::move(work);
  return enqueue_node(stream, std::move(node));
}

cudaError_t enqueue_part(cudaStream_t stream, std::string name,
                         std::function<std::shared_ptr<Collective>()> join) {
  Node node;
  node.name = std::move(name);
  node.join = std::move(join);
  return enqueue_node(stream, std::move(node));
}

Collective::Collective(int streams, std::function<void()> work) : work_(std::make_shared<Work>()) {
  work_->missing = streams;
  work_->run = std::move(work);
}

void Collective::abandon() {
  const std::unique_lock lock(machine_mutex());
  if (!machine() || work_->done) return;
  work_->run = nullptr;
  machine()->queue.give_up(work_);
  after_queueing(*machine());
  machine()->close_devices();
}

bool is_on_device(cudaStream_t stream, const void* address, std::size_t bytes) {
  const std::unique_lock lock(machine_mutex());
  if (!machine()) return false;
  const cudaStream_t found = find_stream(*machine(), stream);
  return found && machine()->devices[static_cast<std::size_t>(found->device)]->contains(address, bytes);
}

}  // namespace convoy::fake_cuda
