// SPDX-License-Identifier: Apache-2.0
// Decides which queued work runs next.
#include <sched.h>

#include <algorithm>
#include <exception>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/device/schedule.h"
#include "tests/hostcuda/runtime/runtime.h"

namespace sy::hostcuda {
namespace {

enum class Turn : uint8_t { done, in_flight, blocked };

bool waits(const CUstream_st& stream) {
  const std::shared_ptr<Record>& wait = stream.entries.front().wait;
  return wait != nullptr && !wait->done;
}

bool run(Entry& entry) {
  if (entry.wait != nullptr) return true;
  running.work = entry.name.c_str();
  running.host_thread = pthread_self();
  bool done = false;
  try {
    done = entry.run();
  } catch (const std::exception& error) {
    ((Message() << running) << " threw an exception: " << error.what()).die();
  }
  running.work = nullptr;
  return done;
}

// Runs the first entry of the stream.
Turn run_front(CUstream_st& stream) {
  if (stream.entries.empty() || waits(stream)) return Turn::blocked;
  if (!run(stream.entries.front())) return Turn::in_flight;
  stream.entries.pop_front();
  return Turn::done;
}

// Runs one entry that the stream needs to proceed. The loop terminates, since an event's record was
// queued before any wait for it.
Turn run_needed(CUstream_st& stream) {
  CUstream_st* at = &stream;
  while (!at->entries.empty() && waits(*at)) at = at->entries.front().wait->stream;
  return run_front(*at);
}

// Runs one entry of a stream other than `stream`, trying the newest stream first.
bool run_another(const CUstream_st* stream) {
  for (size_t i = streams().size(); i-- > 0;) {
    CUstream_st& other = *streams()[i];
    if (&other != stream && run_front(other) == Turn::done) return true;
  }
  return false;
}

Turn run_any() {
  std::vector<CUstream_st*> able;
  for (const auto& stream : streams()) {
    if (!stream->entries.empty() && !waits(*stream)) able.push_back(stream.get());
  }
  return able.empty() ? Turn::blocked : run_front(*able[draw(able.size())]);
}

Turn take_turn(CUstream_st& stream) {
  switch (order()) {
    case Order::forward:
      return run_needed(stream);
    case Order::reverse:
      return run_another(&stream) ? Turn::done : run_needed(stream);
    case Order::random:
      return run_any();
  }
  return Turn::blocked;
}

// Called after a turn that did nothing. Another process may be waiting for work that has not
// started here because nothing here waits for its stream.
void be_patient(const CUstream_st& stream) {
  constexpr int kPatience = 64;
  static int polls = 0;
  if (++polls % kPatience == 0) run_another(&stream);
  sched_yield();
}

template <class Reached>
void run_until(CUstream_st& stream, const Reached& reached) {
  const AccessHold hold;
  while (!reached()) {
    if (take_turn(stream) != Turn::done) be_patient(stream);
  }
}

}  // namespace

void run_until_empty(CUstream_st& stream) {
  run_until(stream, [&] { return stream.entries.empty(); });
}

void run_until_done(const std::shared_ptr<Record>& record) {
  if (!record->done) run_until(*record->stream, [&] { return record->done.load(); });
}

void run_everything() {
  for (const auto& stream : streams()) run_until_empty(*stream);
}

void run_blocking_streams() {
  const AccessHold hold;
  for (const auto& stream : streams()) {
    if ((stream->flags & cudaStreamNonBlocking) == 0) run_until_empty(*stream);
  }
  if (order() == Order::reverse) {
    while (run_another(nullptr)) {
    }
  } else if (order() == Order::random) {
    for (size_t turns = draw(4); turns > 0; --turns) run_any();
  }
}

void run_a_little(CUstream_st& stream) {
  const AccessHold hold;
  if (!stream.entries.empty() && take_turn(stream) != Turn::done) be_patient(stream);
}

void forget_streams() {
  std::erase_if(streams(),
                [](const auto& stream) { return stream->destroyed && stream->entries.empty(); });
}

bool make_progress() {
  const std::lock_guard lock(runtime_mutex());
  check_caller("make_progress");
  const AccessHold hold;
  return run_another(nullptr);
}

}  // namespace sy::hostcuda
