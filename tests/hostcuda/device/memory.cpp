// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/races/accesses.h"

namespace sy::hostcuda {
namespace {

constexpr unsigned char kPoison = 0xff;
constexpr size_t kFreedKept = 256;        // freed allocations that are kept so that uses fault
constexpr size_t kAllocations = 1 << 15;  // limit: the table never moves under the signal handler
constexpr size_t kBorder = 64;            // bytes before an allocation that every kernel checks

size_t page() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}
size_t round_up(size_t value, size_t unit) {
  return (value + unit - 1) / unit * unit;
}

struct Table {
  Table() { entries.reserve(kAllocations); }  // never moves
  std::vector<Allocation> entries;
  std::deque<char*> freed;  // mappings, oldest first
  size_t live_bytes = 0;
  int users = 0, holds = 0;  // live DeviceAccess and AccessHold objects
  bool open = false;
};

Table& table() {
  static Table* the = new Table;  // must outlive every static object that frees memory
  return *the;
}

char* first_page(const Allocation& a) {
  return a.mapping + page();
}
size_t inner_bytes(const Allocation& a) {
  return a.mapped_bytes - 2 * page();
}

void protect(const Allocation& a, int protection) {
  if (mprotect(first_page(a), inner_bytes(a), protection) != 0) {
    (Message() << "cannot change the protection of " << a.bytes << " bytes").die();
  }
}

void protect_device_memory(bool open) {
  if (table().open == open) return;
  table().open = open;
  for (const Allocation& a : table().entries) {
    if (a.live && a.kind == Kind::device) protect(a, open ? PROT_READ | PROT_WRITE : PROT_NONE);
  }
}

bool poisoned(const char* from, const char* to) {
  return std::all_of(from, to, [](char c) { return static_cast<unsigned char>(c) == kPoison; });
}

// Checks `before` bytes in front of the allocation, and all bytes behind it.
void check_borders_of(const Allocation& a, size_t before) {
  const char* end = a.begin + a.bytes;
  const bool before_fine = poisoned(a.begin - before, a.begin);
  if (before_fine && poisoned(end, first_page(a) + inner_bytes(a))) return;
  (Message() << (running.work != nullptr ? running.work : "the program") << " wrote "
             << (before_fine ? "past the end" : "before the start") << " of an allocation of "
             << a.bytes << " bytes")
      .die();
}

size_t bytes_before(const Allocation& a) {
  return static_cast<size_t>(a.begin - first_page(a));
}

void forget_oldest() {
  Table& t = table();
  const auto at = std::find_if(t.entries.begin(), t.entries.end(),
                               [&](const Allocation& a) { return a.mapping == t.freed.front(); });
  munmap(at->mapping, at->mapped_bytes);
  *at = t.entries.back();
  t.entries.pop_back();
  t.freed.pop_front();
}

void release(Allocation& a) {
  Table& t = table();
  check_borders_of(a, bytes_before(a));
  // A new mapping in its place returns the memory to the system.
  mmap(a.mapping, a.mapped_bytes, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  forget_memory(first_page(a), inner_bytes(a));
  a.live = false;
  t.live_bytes -= a.bytes;
  t.freed.push_back(a.mapping);
  if (t.freed.size() > kFreedKept) forget_oldest();
}

}  // namespace

std::recursive_mutex& runtime_mutex() {
  static auto* the = new std::recursive_mutex;
  return *the;
}

size_t& total_bytes() {
  static size_t bytes = kTotalBytes;
  return bytes;
}

void* allocate(Kind kind, size_t bytes) {
  install_fault_handler();
  Table& t = table();
  if (t.live_bytes + bytes > total_bytes() || t.entries.size() == kAllocations) return nullptr;
  const size_t used = round_up(bytes, kMemoryAlignment), inner = round_up(used, page());
  void* mapping = mmap(nullptr, inner + 2 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  Allocation a{.mapping = static_cast<char*>(mapping),
               .mapped_bytes = inner + 2 * page(),
               .begin = static_cast<char*>(mapping) + page() + inner - used,
               .bytes = bytes,
               .kind = kind,
               .live = true};
  protect(a, PROT_READ | PROT_WRITE);
  std::memset(first_page(a), kPoison, inner);
  if (kind == Kind::device && !t.open) protect(a, PROT_NONE);
  watch_memory(first_page(a), inner, Reach::grid);
  t.entries.push_back(a);
  t.live_bytes += bytes;
  return a.begin;
}

bool release(void* pointer, bool pinned) {
  for (Allocation& a : table().entries) {
    if (!a.live || a.begin != pointer || (a.kind == Kind::pinned) != pinned) continue;
    const DeviceAccess access;
    release(a);
    return true;
  }
  return false;
}

void release_all() {
  const DeviceAccess access;
  std::vector<Allocation>& entries = table().entries;
  auto live = [](const Allocation& a) { return a.live; };
  for (auto a = entries.begin();
       (a = std::find_if(entries.begin(), entries.end(), live)) != entries.end();) {
    release(*a);
  }
}

size_t allocated_bytes() {
  return table().live_bytes;
}

const Allocation* find_range(const void* pointer, size_t bytes) {
  const char* from = static_cast<const char*>(pointer);
  for (const Allocation& a : table().entries) {
    if (a.live && from >= a.begin && from <= a.begin + a.bytes &&
        bytes <= static_cast<size_t>(a.begin + a.bytes - from)) {
      return &a;
    }
  }
  return nullptr;
}

const Allocation* find_near(const void* address) {
  const char* at = static_cast<const char*>(address);
  const Allocation* freed = nullptr;
  for (const Allocation& a : table().entries) {
    if (at < a.mapping || at >= a.mapping + a.mapped_bytes) continue;
    if (a.live) return &a;
    freed = &a;
  }
  return freed;
}

void check_borders() {
  for (const Allocation& a : table().entries) {
    if (a.live) check_borders_of(a, std::min(kBorder, bytes_before(a)));
  }
}

DeviceAccess::DeviceAccess() : lock_(runtime_mutex()) {
  install_fault_handler();
  ++table().users;
  protect_device_memory(true);
}

DeviceAccess::~DeviceAccess() {
  if (--table().users == 0 && table().holds == 0) close_device_memory();
}

AccessHold::AccessHold() {
  ++table().holds;
}

AccessHold::~AccessHold() {
  if (--table().holds == 0) close_device_memory();
}

void close_device_memory() {
  if (table().users == 0) protect_device_memory(false);
}

}  // namespace sy::hostcuda
