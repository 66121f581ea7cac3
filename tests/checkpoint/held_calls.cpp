// SPDX-License-Identifier: Apache-2.0
#include "tests/checkpoint/held_calls.h"

#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

namespace sy::test {
using checkpoint::FileCall;
namespace {

std::mutex mutex;
std::condition_variable changed;
FileCall held_call;
std::string held_path;
bool holding = false, waiting = false;
int nice_of_waiting = 0;

void hold(FileCall call, const std::string& path, const std::string&) {
  std::unique_lock lock(mutex);
  if (!holding || call != held_call || path != held_path) return;
  waiting = true;
  nice_of_waiting = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
  changed.notify_all();
  changed.wait(lock, [] { return !holding; });
}

}  // namespace

HeldCalls::HeldCalls(FileCall call, const std::string& path) {
  const std::lock_guard lock(mutex);
  held_call = call;
  held_path = path;
  holding = true;
  waiting = false;
  checkpoint::observe_files(hold);
}

HeldCalls::~HeldCalls() {
  release();
  checkpoint::observe_files(nullptr);
}

void HeldCalls::wait_until_held() const {
  std::unique_lock lock(mutex);
  changed.wait(lock, [] { return waiting; });
}

bool HeldCalls::holds() const {
  const std::lock_guard lock(mutex);
  return holding && waiting;
}

int HeldCalls::nice() const {
  wait_until_held();
  const std::lock_guard lock(mutex);
  return nice_of_waiting;
}

void HeldCalls::release() {
  const std::lock_guard lock(mutex);
  holding = false;
  changed.notify_all();
}

}  // namespace sy::test
