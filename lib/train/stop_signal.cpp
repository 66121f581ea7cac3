// SPDX-License-Identifier: Apache-2.0
#include "lib/train/stop_signal.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "lib/dist/flight/flight_log.h"

namespace sy {
namespace {

volatile std::sig_atomic_t received = 0;
struct timespec interrupted = {};  // when the first SIGINT came

struct timespec now() {
  struct timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time;
}

// `timeout` and some shells deliver one SIGINT twice within microseconds.
bool is_second(const struct timespec& first, const struct timespec& time) {
  constexpr long kApart = 50'000'000;  // nanoseconds
  return (time.tv_sec - first.tv_sec) * 1'000'000'000 + (time.tv_nsec - first.tv_nsec) > kApart;
}

void end_at_once(int number) {
  signal(number, SIG_DFL);
  raise(number);  // takes effect when the handler returns
}

void note_interrupt() {
  if (received == SIGINT) {
    if (is_second(interrupted, now())) end_at_once(SIGINT);
    return;
  }
  interrupted = now();
  constexpr char kSaid[] =
      "\nstopping after this step, with a checkpoint; Ctrl-C again ends at once, without\n";
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kSaid, sizeof kSaid - 1);
  errno = error;
}

// Calls only what is safe in a signal handler.
void note(int number) {
  if (number == SIGINT) note_interrupt();
  if (number == SIGTERM) flight::ask_for_record();  // it may be a launcher's, which kills us next
  received = number;
}

void install(int number) {
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

void install_unless_ignored(int number) {
  struct sigaction present = {};
  sigaction(number, nullptr, &present);
  if (present.sa_handler != SIG_IGN) install(number);
}

}  // namespace

void install_stop_signals() {
  install(SIGTERM);
  install(SIGUSR1);
  install_unless_ignored(SIGINT);
  install_unless_ignored(SIGHUP);
  signal(SIGPIPE, SIG_IGN);
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
