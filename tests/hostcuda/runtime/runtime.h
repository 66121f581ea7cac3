// SPDX-License-Identifier: Apache-2.0
// The state that the functions of the runtime API share: streams, events and queued work. The
// functions (runtime_*.cpp) have the toolkit's signatures and are linked in place of libcudart.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/hostcuda/runtime/stream.h"

namespace sy::hostcuda {

using Clock = std::chrono::steady_clock;

// One cudaEventRecord.
struct Record {
  CUstream_st* stream = nullptr;
  std::atomic<bool> done{false};  // set last, after the other members
  Clock::time_point when{};
};

struct Entry {
  std::string name;
  std::function<bool()> run;     // returns false while in flight
  std::shared_ptr<Record> wait;  // in place of `run`: done when this record is done
};

}  // namespace sy::hostcuda

struct CUstream_st {
  unsigned flags;
  bool destroyed = false;  // its entries run nevertheless
  std::deque<sy::hostcuda::Entry> entries;
};

struct CUevent_st {
  unsigned flags;
  std::shared_ptr<sy::hostcuda::Record> record;  // the latest; null if never recorded
};

namespace sy::hostcuda {

using Lock = std::lock_guard<std::recursive_mutex>;

// Records an error for cudaGetLastError, and returns it.
cudaError_t failed(cudaError_t error);

using Streams = std::vector<std::unique_ptr<CUstream_st>>;
Streams& streams();

// Reports calls from within queued work.
void check_caller(const char* call);
// The same, and reports the default stream and streams that do not exist.
CUstream_st& checked(cudaStream_t stream, const char* call);

void queue(CUstream_st& stream, Entry entry);

// Run queued work until the condition in the name holds. Work of other streams may run as well.
void run_until_empty(CUstream_st& stream);
void run_until_done(const std::shared_ptr<Record>& record);
void run_everything();
// Runs what a call on the legacy default stream waits for: all streams that were created without
// cudaStreamNonBlocking.
void run_blocking_streams();
// Takes one turn towards what `stream` needs, so that a program that polls in a loop terminates.
void run_a_little(CUstream_st& stream);

// Removes destroyed streams whose work is done.
void forget_streams();

}  // namespace sy::hostcuda
