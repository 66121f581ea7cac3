// SPDX-License-Identifier: Apache-2.0
// Reports an error found in the program under test: one sentence on standard error, then the
// process ends. Safe in signal handlers, since nothing here allocates or locks.
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

// The device work that runs, and on which host thread. Reports begin with it.
struct Running {
  const char* work = nullptr;  // name of a kernel or queue entry; null if nothing runs
  bool is_kernel = false;      // if true, `place` of device.h tells the block and thread
  size_t shared_bytes = 0;
  pthread_t host_thread{};
};
extern Running running;

// Installs the handlers of SIGSEGV and SIGBUS that turn an access of protected memory into a report
// of the kernel, block and thread and of what was touched. Installs them again where something has
// replaced them (Catch2 does), and gives the calling host thread a stack for them. Other faults go
// to the handler that was there before.
void install_fault_handler();

}  // namespace sy::hostcuda
