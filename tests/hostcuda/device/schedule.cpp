// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/schedule.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <utility>

#include "tests/hostcuda/device/report.h"

namespace sy::hostcuda {
namespace {

struct Current {
  Order order;
  uint64_t state;
};

Current begin(const Schedule& schedule) {
  return {schedule.order, schedule.seed};
}

Current& current() {
  static Current the = begin(named_schedule(std::getenv("SWITCHYARD_HOSTCUDA_SCHEDULE")));
  return the;
}

}  // namespace

Schedule named_schedule(const char* name) {
  if (name == nullptr || std::strcmp(name, "forward") == 0) return {};
  if (std::strcmp(name, "reverse") == 0) return {.order = Order::reverse};
  if (std::strcmp(name, "random") == 0) return {.order = Order::random};
  constexpr const char* kSeeded = "random:";
  if (std::strncmp(name, kSeeded, std::strlen(kSeeded)) == 0) {
    const char* digits = name + std::strlen(kSeeded);
    char* end = nullptr;
    const uint64_t seed = std::strtoull(digits, &end, 10);
    if (end != digits && *end == 0) return {.order = Order::random, .seed = seed};
  }
  (Message() << "SWITCHYARD_HOSTCUDA_SCHEDULE is '" << name
             << "'; use forward, reverse, random or random:SEED")
      .die();
}

void set_schedule(Schedule schedule) {
  current() = begin(schedule);
}

Order order() {
  return current().order;
}

// SplitMix64 (Steele, Lea & Flood 2014).
size_t draw(size_t bound) {
  uint64_t word = current().state += 0x9e3779b97f4a7c15u;
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
  word = (word ^ word >> 27) * 0x94d049bb133111ebu;
  word ^= word >> 31;
  return static_cast<size_t>((word >> 32) * bound >> 32);
}

void order_turns(std::vector<uint32_t>& turns, size_t count) {
  turns.resize(count);
  std::iota(turns.begin(), turns.end(), 0u);
  if (order() == Order::reverse) std::reverse(turns.begin(), turns.end());
  if (order() != Order::random) return;
  for (size_t i = count; i > 1; --i) std::swap(turns[i - 1], turns[draw(i)]);
}

}  // namespace sy::hostcuda
