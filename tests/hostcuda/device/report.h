// A fault found in the program under test: one sentence on standard error, and the process ends.
// Usable in signal handlers: nothing here allocates or locks.
#pragma once

#include <cuda_runtime_api.h>
#include <pthread.h>

#include <cstddef>
#include <source_location>

namespace sy::hostcuda {

constexpr int kFaultExitCode = 70;

struct Running;

class Message {
 public:
  Message() { *this << "hostcuda: "; }
  Message& operator<<(const char* text);
  Message& operator<<(unsigned long long number);
  Message& operator<<(const void* address);
  Message& operator<<(const uint3& index);                // (x, y, z)
  Message& operator<<(const std::source_location& site);  // FILE:LINE
  // "kernel NAME, block (x, y, z), thread (x, y, z)" or "NAME" of a queue entry, or "the host".
  Message& operator<<(const Running& what);
  // Writes it to standard error and ends the process with kFaultExitCode.
  [[noreturn]] void die();

 private:
  char text_[1000];
  size_t length_ = 0;
};

// What device work runs, on which host thread: a report begins with it.
struct Running {
  const char* work = nullptr;  // a kernel's or a queue entry's name; null: none
  bool is_kernel = false;      // `place` of device.h then says where
  size_t shared_bytes = 0;
  pthread_t host_thread{};
};
extern Running running;

}  // namespace sy::hostcuda
