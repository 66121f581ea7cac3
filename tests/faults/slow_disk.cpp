// SPDX-License-Identifier: Apache-2.0
// A disk with troubles, preloaded into ranks: every fsync takes $SLOW_FSYNC_MS milliseconds longer,
// as on a busy one; with $SLOW_FSYNC_OF, those of files alone whose path contains it. On rank
// $OPEN_ON, opening a file whose path contains $OPEN_OF takes $SLOW_OPEN_MS milliseconds longer,
// and fails the first $FAIL_OPENS times, with EIO.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
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

static int number(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::atoi(text);
}

static bool fails_to_open(const char* path) {
  static std::atomic<int> failed = 0;
  const char *on = std::getenv("OPEN_ON"), *rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (on == nullptr || rank == nullptr || std::string(on) != rank) return false;
  if (std::string(path).find(std::getenv("OPEN_OF")) == std::string::npos) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(number("SLOW_OPEN_MS")));
  return ++failed <= number("FAIL_OPENS");
}

extern "C" int open(const char* path, int flags, ...) {
  using Open = int (*)(const char*, int, ...);
  static const auto real = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "open"));
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (!fails_to_open(path)) return real(path, flags, mode);
  errno = EIO;
  return -1;
}

extern "C" int fsync(int file) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fsync"));
  const int slow = number("SLOW_FSYNC_MS");
  if (slow > 0 && is_meant(file)) std::this_thread::sleep_for(std::chrono::milliseconds(slow));
  return real(file);
}
