// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/hostcuda/races/shadow.h"

namespace sy::hostcuda {

// Reports that the running thread's access races with one that is remembered.
struct Race {
  uintptr_t address;
  Access mine, theirs;
  const void* code;
  Mark mark;
};
[[noreturn]] void report_race(const Race& race);

// Reports an access whose address is no multiple of its size.
[[noreturn]] void report_unaligned_access(const void* at, size_t bytes, Access access,
                                          const void* code);

// Instructions are remembered relative to this address, within the program.
int32_t relative(const void* code);
const void* absolute(int32_t code);

}  // namespace sy::hostcuda
