// SPDX-License-Identifier: Apache-2.0
// The order in which device threads, blocks and streams take turns. A GPU promises none, so a
// result that changes with the order reveals an error in the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sy::hostcuda {

enum class Order : uint8_t { forward, reverse, random };

struct Schedule {
  Order order = Order::forward;
  uint64_t seed = 1;  // for Order::random
};

// Parses forward (also for null), reverse, random or random:SEED; reports any other name.
Schedule named_schedule(const char* name);

// The schedule is the one named by SWITCHYARD_HOSTCUDA_SCHEDULE until a test sets another.
//   forward  the first thread, block or stream goes first; of the streams, only work that is waited
//            for runs
//   reverse  the last goes first, and the streams that are waited for go last
//   random   drawn anew at each choice
void set_schedule(Schedule schedule);
Order order();

// A uniform draw from 0 to bound - 1, from the schedule's seed.
size_t draw(size_t bound);

// Overwrites `turns` with 0 .. count - 1 in the order of the schedule.
void order_turns(std::vector<uint32_t>& turns, size_t count);

}  // namespace sy::hostcuda
