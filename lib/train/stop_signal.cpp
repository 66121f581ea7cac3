// SPDX-License-Identifier: Apache-2.0
#include "lib/train/stop_signal.h"

#include <csignal>

namespace sy {
namespace {

volatile std::sig_atomic_t received = 0;

void note(int number) {
  received = number;
}

}  // namespace

void install_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

bool stop_requested() {
  return received != 0;
}

const char* stop_signal_name() {
  if (received == 0) return "a signal to another rank";
  return received == SIGUSR1 ? "SIGUSR1" : "SIGTERM";
}

}  // namespace sy
