// Streams, events and what is queued. Of stream.cpp and its neighbours.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/hostcuda/runtime/stream.h"

namespace sy::hostcuda {

using Clock = std::chrono::steady_clock;

// One cudaEventRecord.
struct Record {
  CUstream_st* stream = nullptr;
  std::atomic<bool> done{false};  // what else is here is complete before
  Clock::time_point when{};
};

struct Entry {
  std::string name;
  std::function<bool()> run;     // false: in flight
  std::shared_ptr<Record> wait;  // instead of `run`: goes on when this is done
};

}  // namespace sy::hostcuda

struct CUstream_st {
  unsigned flags;
  bool destroyed = false;  // the entries run all the same
  std::deque<sy::hostcuda::Entry> entries;
};

struct CUevent_st {
  unsigned flags;
  std::shared_ptr<sy::hostcuda::Record> record;  // the latest; null: never recorded
};

namespace sy::hostcuda {

using Streams = std::vector<std::unique_ptr<CUstream_st>>;
Streams& streams();

// Reports the default stream, streams that do not exist, and calls from within queued work.
CUstream_st& checked(cudaStream_t stream, const char* call);
void check_caller(const char* call);

void queue(CUstream_st& stream, Entry entry);

// Runs what is queued until this is so. Work may go on in other streams.
void run_until_empty(CUstream_st& stream);
void run_until_done(const std::shared_ptr<Record>& record);
void run_everything();
// What a call on the legacy default stream waits for: streams made without cudaStreamNonBlocking.
void run_blocking_streams();
// One turn of what `stream` needs, so that a program that asks again and again sees an end.
void run_a_little(CUstream_st& stream);

// Forgets destroyed streams whose work is done.
void forget_streams();

}  // namespace sy::hostcuda
