// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/shared_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "tests/hostcuda/device/device.h"
#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/races/accesses.h"

namespace sy::hostcuda {
namespace {

constexpr unsigned char kPoison = 0xff;
constexpr size_t kBorder = 64;

struct Room {
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* first = nullptr;  // just past the first guard page
  size_t inner = 0;
  char* begin = nullptr;  // of the running block's shared memory
  size_t bytes = 0;       // its size
};
Room room;

void make_room() {
  room.inner = (kSharedBytes + kBorder + room.page - 1) / room.page * room.page;
  void* mapping =
      mmap(nullptr, room.inner + 2 * room.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  room.first = static_cast<char*>(mapping) + room.page;
  if (mapping == MAP_FAILED || mprotect(room.first, room.inner, PROT_READ | PROT_WRITE) != 0) {
    (Message() << "no memory for a block's shared memory").die();
  }
  watch_memory(room.first, room.inner, Reach::block);
}

}  // namespace

char* shared_memory() {
  return room.begin;
}

size_t shared_bytes() {
  return room.bytes;
}

void begin_shared_memory(size_t bytes) {
  if (room.first == nullptr) make_room();
  const size_t used = (bytes + 15) / 16 * 16;
  room.begin = room.first + room.inner - used;
  room.bytes = bytes;
  std::memset(room.begin - kBorder, kPoison, used + kBorder);
}

void check_shared_memory() {
  auto poisoned = [](const char* from, const char* to) {
    return std::all_of(from, to, [](char c) { return static_cast<unsigned char>(c) == kPoison; });
  };
  const char* end = room.begin + room.bytes;
  if (poisoned(room.begin - kBorder, room.begin) && poisoned(end, room.first + room.inner)) return;
  (Message() << "kernel " << running.work << " wrote just outside the " << room.bytes
             << " bytes of a block's shared memory")
      .die();
}

bool borders_on_shared_memory(const char* address) {
  return room.first != nullptr && address >= room.first - room.page &&
         address < room.first + room.inner + room.page;
}

}  // namespace sy::hostcuda
