// SPDX-License-Identifier: Apache-2.0
// Stands in for the calls of the C library that change files, each of which is a moment if its path
// lies in the run's folder, and for those that tell the time of day.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

#include "tests/faults/campaign/moments.h"

namespace {

using faults::Moment;

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool has(const char* text, const char* part) {
  return std::strstr(text, part) != nullptr;
}

Moment moment_of(const char* path) {
  if (!has(path, "/checkpoints/")) return Moment::record;
  const bool of_rank = has(path, ".partial/shard-") || has(path, ".partial/tokenizer.model");
  return of_rank ? Moment::save : Moment::commit;
}

// Whether the call is to fail; errno is then set.
bool fails(const char* path) {
  if (path == nullptr || !faults::in_folder(path)) return false;
  const int failure = faults::reached(moment_of(path));
  if (failure != 0) errno = failure;
  return failure != 0;
}

bool fails(int file) {
  char path[4096] = "";
  const ssize_t length =
      readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path - 1);
  return length > 0 && fails(path);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  static const auto real = next<int(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0 && fails(path)) return -1;
  const bool by_loader = gettid() != getpid();
  if (by_loader && has(path, "/c4-train.")) faults::reached(Moment::text);
  return real(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = next<int(const char*, mode_t)>("mkdir");
  return fails(path) ? -1 : real(path, mode);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static const auto real = next<ssize_t(int, const void*, size_t)>("write");
  return fails(file) ? -1 : real(file, bytes, size);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  static const auto real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return fails(file) ? -1 : real(file, bytes, size, at);
}

int fsync(int file) {
  static const auto real = next<int(int)>("fsync");
  return fails(file) ? -1 : real(file);
}

int unlinkat(int folder, const char* path, int flags) {
  static const auto real = next<int(int, const char*, int)>("unlinkat");
  if (folder == AT_FDCWD ? fails(path) : fails(folder)) return -1;
  return real(folder, path, flags);
}

int ftruncate(int file, off_t size) {
  static const auto real = next<int(int, off_t)>("ftruncate");
  return fails(file) ? -1 : real(file, size);
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  static const auto real = next<ssize_t(int, const struct iovec*, int)>("writev");
  return fails(file) ? -1 : real(file, parts, count);
}

int rename(const char* from, const char* to) {
  static const auto real = next<int(const char*, const char*)>("rename");
  if (fails(from)) return -1;
  const int result = real(from, to);
  const std::string_view end = ".partial";
  if (result == 0 && std::string_view(from).ends_with(end) && !has(to, ".trash")) {
    faults::note_commit(std::strrchr(to, '/') + 1);
  }
  return result;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  static const auto real = next<int(clockid_t, struct timespec*)>("clock_gettime");
  const int result = real(clock, time);
  if (clock == CLOCK_REALTIME) time->tv_sec += faults::clock_leap();
  return result;
}

int gettimeofday(struct timeval* time, void* zone) {
  static const auto real = next<int(struct timeval*, void*)>("gettimeofday");
  const int result = real(time, zone);
  time->tv_sec += faults::clock_leap();
  return result;
}

time_t time(time_t* result) {
  struct timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != nullptr) *result = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
