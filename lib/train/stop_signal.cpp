// SPDX-License-Identifier: Apache-2.0
#include "lib/train/stop_signal.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include "lib/dist/flight/flight_log.h"

namespace sy {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<int> received = 0;

// Those that are noted.
sigset_t& noted() {
  static sigset_t set = {};
  return set;
}

void unblock_noted() {
  pthread_sigmask(SIG_UNBLOCK, &noted(), nullptr);
}

// `timeout` and some shells deliver one SIGINT twice within microseconds.
class Interrupts {
 public:
  bool any() const { return first_.has_value(); }
  // Returns whether it is a second one.
  bool add(Clock::time_point now) {
    if (first_) return now - *first_ > std::chrono::milliseconds(50);
    first_ = now;
    return false;
  }

 private:
  std::optional<Clock::time_point> first_;
};

void say_how_to_end_at_once() {
  constexpr char kSaid[] =
      "\nstopping after this step, with a checkpoint; Ctrl-C again ends at once, without\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kSaid, sizeof kSaid - 1);
}

// What a thread of its own does as long as the process lives.
void note_signals() {
  Interrupts interrupts;
  for (;;) {
    int number = 0;
    if (sigwait(&noted(), &number) != 0) continue;
    if (number == SIGINT) {
      if (!interrupts.any()) say_how_to_end_at_once();
      if (interrupts.add(Clock::now())) {
        unblock_noted();
        raise(SIGINT);
      }
    }
    if (number == SIGTERM) flight::ask_for_record();  // it may be a launcher's, which kills us next
    if (received == 0) received = number;
  }
}

void add(int number) {
  signal(number, SIG_DFL);
  sigaddset(&noted(), number);
}

void add_unless_ignored(int number) {
  struct sigaction present = {};
  sigaction(number, nullptr, &present);
  if (present.sa_handler != SIG_IGN) add(number);
}

}  // namespace

void install_stop_signals() {
  sigemptyset(&noted());
  add(SIGTERM);
  add(SIGUSR1);
  add_unless_ignored(SIGINT);
  add_unless_ignored(SIGHUP);
  signal(SIGPIPE, SIG_IGN);
  pthread_sigmask(SIG_BLOCK, &noted(), nullptr);
  pthread_atfork(nullptr, nullptr, unblock_noted);
  std::thread(note_signals).detach();
}

bool stop_requested() {
  return received != 0;
}

const char* stop_signal_name() {
  switch (received) {
    case SIGTERM:
      return "SIGTERM";
    case SIGUSR1:
      return "SIGUSR1";
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "a signal to another rank";
  }
}

}  // namespace sy
