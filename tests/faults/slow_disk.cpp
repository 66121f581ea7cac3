// SPDX-License-Identifier: Apache-2.0
// Preloaded into one rank: every fsync takes $SLOW_FSYNC_MS milliseconds longer, as on a busy disk;
// with $SLOW_FSYNC_OF, those of files alone whose path contains it.
#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

static bool is_meant(int file) {
  const char* part = std::getenv("SLOW_FSYNC_OF");
  if (part == nullptr) return true;
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), error);
  return path.string().find(part) != std::string::npos;
}

extern "C" int fsync(int file) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fsync"));
  const char* slow = std::getenv("SLOW_FSYNC_MS");
  if (slow != nullptr && is_meant(file)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(slow)));
  }
  return real(file);
}
