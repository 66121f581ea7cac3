// SPDX-License-Identifier: Apache-2.0
// Preloaded into one rank: every fsync takes $SLOW_FSYNC_MS milliseconds longer, as on a busy disk.
#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

extern "C" int fsync(int file) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fsync"));
  if (const char* slow = std::getenv("SLOW_FSYNC_MS")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(slow)));
  }
  return real(file);
}
