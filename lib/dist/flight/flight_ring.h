// SPDX-License-Identifier: Apache-2.0
// The flight recorder: the last collectives of this process, over all groups, in fixed memory. A
// call costs about 80 ns, of which the two readings of the clock are half; nothing allocates or
// locks. Calls come from the thread that calls MPI; their ends may come from the watchdog too.
// Whoever writes a record reads beside that, also from a signal handler.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/dist/watchdog.h"
#include "lib/tensor/tensor.h"

namespace sy::flight {

using Clock = std::chrono::steady_clock;

constexpr int64_t kEntries = 1024;  // older calls are forgotten, even those in flight
constexpr int64_t kGroups = 32;     // open at a time; the calls of more are not recorded
constexpr size_t kLabelBytes = 72;  // longer labels are cut off
constexpr size_t kNameBytes = 24;   // the same of groups

enum class Transport : uint8_t { mpi, nccl };

// Announces a group of the world ranks `ranks`. Returns its identifier; 0 if there are too many.
int64_t open_group(const std::string& name, Transport transport, const std::vector<int>& ranks);
// What the group did stays readable until its place is needed. While an exception unwinds, which
// may end in a record, the group stays open.
void close_group(int64_t group);
// World ranks of the group of this name that was opened last; {} if there is none.
std::vector<int> ranks_of_group(const std::string& name);

// What every rank of a group must have alike in a call: the dtype, and elements, of the tensor or
// of what is sent; of a ragged all-to-all those of a row. Without data: float32 and 0.
struct CallShape {
  CallShape() = default;
  CallShape(DType of, int64_t elements) : dtype(of), count(elements) {}
  CallShape(Tensor tensor) : CallShape(tensor.dtype(), tensor.numel()) {}

  DType dtype = DType::f32;
  int64_t count = 0;
};
inline CallShape row_of(Tensor tensor) {
  int64_t count = 1;
  for (int axis = 1; axis < tensor.rank(); ++axis) count *= tensor.dim(axis);
  return {tensor.dtype(), count};
}

// A call was issued. Copies the label. Returns the record, which is never 0, for the next two; they
// ignore 0 and records that were overwritten.
int64_t call_begins(int64_t group, const CollectiveCall& call, CallShape shape);
// From now on, this rank waits for the others.
void call_is_waited_for(int64_t record, Clock::time_point now);
void call_ends(int64_t record, Clock::time_point now);

// The training step that calls from now on belong to, which begins.
void set_step(int64_t step, Clock::time_point now = Clock::now());
int64_t current_step();
constexpr int64_t kStepsRemembered = 3;
// How many of the last kStepsRemembered steps have begun after `time`.
int64_t steps_begun_after(Clock::time_point time);

// Copies for whoever writes a record. Async-signal-safe.
struct CallCopy {
  int64_t group = 0, number = 0, step = 0, count = 0;
  const char* collective = "";
  std::array<char, kLabelBytes> label{};  // ends with NUL
  DType dtype = DType::f32;
  int64_t begun = 0, waited = 0, ended = 0;  // nanoseconds of Clock; 0: not yet
};
int64_t last_record();
// False if there is no such record any more.
bool copy_call(int64_t record, CallCopy& copy);

struct GroupView {
  int64_t id = 0;
  bool open = false;
  const char* name = "";
  Transport transport = Transport::mpi;
  const int* ranks = nullptr;
  int64_t size = 0;
  int64_t begun = 0;  // the number of the last call
};
// The group at `place`, below kGroups; false if there is none, or if it is being replaced. A name
// that is read while its place is taken may be cut.
bool view_group(int64_t place, GroupView& view);

}  // namespace sy::flight
