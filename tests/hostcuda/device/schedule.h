// In which order device threads, blocks and streams take turns. A GPU promises none, so an answer
// that changes with the order is a fault in the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sy::hostcuda {

enum class Order : uint8_t { forward, reverse, random };

struct Schedule {
  Order order = Order::forward;
  uint64_t seed = 1;  // of `random`
};

// forward (as for null), reverse, random or random:SEED; another name is reported.
Schedule named_schedule(const char* name);

// What SWITCHYARD_HOSTCUDA_SCHEDULE names, until a test sets another. forward: the first thread,
// block or stream first, and of the streams only what is waited for. reverse: the last first, and
// the streams that are waited for at last. random: drawn anew at each choice.
void set_schedule(Schedule schedule);
Order order();

// Uniform below `bound`, from the schedule's seed.
size_t draw(size_t bound);

// 0 .. count - 1 in the order of the schedule, into `turns`.
void order_turns(std::vector<uint32_t>& turns, size_t count);

}  // namespace sy::hostcuda
