#include "launcher/signals.h"

#include <csignal>

namespace convoy {

namespace {

volatile std::sig_atomic_t stop_requested = 0;

void on_signal(int signal) {
  if (stop_requested) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  stop_requested = 1;
}

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGUSR1};

void install(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (int signal : kSignals) sigaction(signal, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  stop_requested = 0;
  install(on_signal);
}
StopSignals::~StopSignals() { install(SIG_DFL); }
bool StopSignals::received() { return stop_requested != 0; }

}  // namespace convoy
