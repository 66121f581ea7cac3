// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/races/race_report.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/hostcuda/device/block.h"
#include "tests/hostcuda/device/memory.h"
#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/device/shared_memory.h"
#include "tests/hostcuda/races/order.h"

namespace sy::hostcuda {
namespace {

const char* verb(Access access) {
  return access == Access::read    ? "reads"
         : access == Access::write ? "writes"
                                   : "atomically changes";
}

// FILE:LINE of the instruction before `code`, as addr2line finds it, or its address.
std::string place_of_code(const void* code) {
  const char* call = static_cast<const char*>(code) - 1;
  char text[512] = "";
  Dl_info info;
  link_map* map = nullptr;
  if (dladdr1(call, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) != 0) {
    const auto offset = reinterpret_cast<uintptr_t>(call) - map->l_addr;
    std::snprintf(text, sizeof text, "addr2line -e /proc/%d/exe 0x%zx 2>/dev/null",
                  static_cast<int>(getpid()), static_cast<size_t>(offset));
    std::FILE* lines = popen(text, "r");
    text[0] = '\0';
    if (lines != nullptr && std::fgets(text, sizeof text, lines) == nullptr) text[0] = '\0';
    if (lines != nullptr) pclose(lines);
  }
  std::string found = text;
  found = found.substr(0, found.find_first_of(" \n"));
  if (!found.empty() && found[0] != '?') return found;
  std::snprintf(text, sizeof text, "code at %p", static_cast<const void*>(call));
  return text;
}

uint3 block_index(uint32_t number) {
  const dim3& grid = place.grid_size;
  return {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
}

void describe_memory(Message& message, uintptr_t address) {
  const char* at = reinterpret_cast<const char*>(address);
  const Allocation* memory = find_near(at);
  if (memory == nullptr) {
    message << "byte " << static_cast<size_t>(at - shared_memory())
            << " of the block's shared memory";
    return;
  }
  message << "byte " << static_cast<size_t>(at - memory->begin) << " of an allocation of "
          << memory->bytes << " bytes";
}

}  // namespace

int32_t relative(const void* code) {
  return static_cast<int32_t>(reinterpret_cast<intptr_t>(code) -
                              reinterpret_cast<intptr_t>(&report_race));
}

const void* absolute(int32_t code) {
  return reinterpret_cast<const void*>(reinterpret_cast<intptr_t>(&report_race) + code);
}

void report_race(const Race& race) {
  Message message;
  message << running << " " << verb(race.mine) << " ";
  describe_memory(message, race.address);
  message << " in " << place_of_code(race.code).c_str() << ", which thread "
          << block.threads[race.mark.thread].index;
  if (race.mark.step < steps.first_of_block) {
    message << " of block " << block_index(block_of(race.mark.step));
  }
  message << " " << verb(race.theirs) << " in " << place_of_code(absolute(race.mark.code)).c_str()
          << ": nothing orders the two";
  message.die();
}

void report_unaligned_access(const void* at, size_t bytes, Access access, const void* code) {
  ((Message() << running) << " " << verb(access) << " " << bytes << " bytes at address " << at
                          << ", which is not aligned to them, in " << place_of_code(code).c_str())
      .die();
}

}  // namespace sy::hostcuda
