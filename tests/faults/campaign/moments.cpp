// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/campaign/moments.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>
#include <string>
#include <thread>

namespace faults {
namespace {

constexpr std::array kNames = {"load",   "start", "collective", "save",
                               "commit", "text",  "record",     "finish"};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Plan {
  std::string kind;
  long count = 0;
  std::string action, object;
  long number = 0;
  bool here = false;
  long delay = 0;

  Plan() {
    const std::string rank = variable("FAULT_RANK");
    here = rank == "all" || rank == variable("OMPI_COMM_WORLD_RANK");
    std::istringstream(variable("FAULT_AT")) >> kind >> count;
    std::istringstream(variable("FAULT_DO")) >> action >> number >> object;
    delay = std::atol(variable("FAULT_DELAY_US").c_str());
  }
};

struct State {
  Plan plan;
  std::array<std::atomic<long>, kNames.size()> counts{};
  std::atomic<long> leap{0};
  std::atomic<bool> nan{false};
};

// Never destroyed: threads of the program may outlive it.
State& state() {
  static State* const instance = new State;
  return *instance;
}

// System calls, as the functions of the C library are those that we stand in for.
void append(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  const auto file = static_cast<int>(
      syscall(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666));
  syscall(SYS_write, file, text.data(), text.size());
  syscall(SYS_close, file);
}

void sleep_us(long microseconds) {
  struct timespec time = {microseconds / 1'000'000, microseconds % 1'000'000 * 1000};
  nanosleep(&time, nullptr);
}

void mark() {
  struct timespec now = {};
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  std::ostringstream text;
  text << now.tv_sec << '.' << std::to_string(1'000'000'000 + now.tv_nsec).substr(1) << ' '
       << getpid() << '\n';
  append(variable("FAULT_MARK"), text.str());
}

void wait_for_go() {
  const std::string go = variable("FAULT_MARK") + ".go";
  while (syscall(SYS_faccessat, AT_FDCWD, go.c_str(), F_OK) != 0) sleep_us(1000);
}

void act() {
  const Plan& plan = state().plan;
  mark();
  if (plan.action == "signal") {
    kill(plan.object == "launcher" ? getppid() : getpid(), static_cast<int>(plan.number));
  } else if (plan.action == "pause") {
    wait_for_go();
  } else if (plan.action == "hang") {
    for (;;) pause();
  } else if (plan.action == "clock") {
    state().leap = plan.number;
  } else if (plan.action == "nan") {
    state().nan = true;
  }
}

void act_now_or_later() {
  const long delay = state().plan.delay;
  if (delay == 0) return act();
  std::thread([delay] {
    sleep_us(delay);
    act();
  }).detach();
}

// What lasts from the chosen moment on.
int lasting(const Plan& plan, bool first) {
  if (plan.action == "slow") sleep_us(plan.number * 1000);
  if (plan.object == "once" && !first) return 0;
  return plan.action == "error" ? static_cast<int>(plan.number) : 0;
}

// At the end of the process.
struct Counts {
  ~Counts() {
    std::ostringstream text;
    for (size_t i = 0; i < kNames.size(); ++i) {
      text << variable("OMPI_COMM_WORLD_RANK") << ' ' << kNames[i] << ' ' << state().counts[i]
           << '\n';
    }
    append(variable("FAULT_LEDGER"), text.str());
  }
};

}  // namespace

bool in_folder(const char* path) {
  static const std::string folder = variable("FAULT_FOLDER") + "/";
  return folder.size() > 1 && std::strncmp(path, folder.c_str(), folder.size()) == 0;
}

int reached(Moment moment) {
  State& all = state();
  const auto kind = static_cast<size_t>(moment);
  const long count = ++all.counts[kind];
  if (!all.plan.here || all.plan.kind != kNames[kind] || count < all.plan.count) return 0;
  if (count == all.plan.count) act_now_or_later();
  return lasting(all.plan, count == all.plan.count);
}

long clock_leap() {
  return state().leap;
}

bool take_nan() {
  return state().nan.exchange(false);
}

void note_commit(const char* committed) {
  append(variable("FAULT_LEDGER"), std::string("committed ") + committed + "\n");
}

}  // namespace faults

__attribute__((constructor)) static void loaded() {
  static faults::Counts at_end;
  faults::reached(faults::Moment::load);
}
