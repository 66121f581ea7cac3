// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/races/shadow.h"

#include <cstdlib>
#include <cstring>

#include "tests/hostcuda/device/report.h"

namespace sy::hostcuda {

bool watching = false;

namespace {

constexpr unsigned kPageBits = 12, kLowBits = 18, kHighBits = 17;  // of an address of 47 bits
constexpr uint32_t kWordShift = 2;

// Memory that was announced and has not been touched yet.
Page untouched[2] = {{Reach::grid, kWordShift, nullptr}, {Reach::block, kWordShift, nullptr}};

Page** tables[1u << kHighBits];  // Page* by page number, a table for each GiB in use

// Zeroed memory, which the system provides when it is touched.
template <class T>
T* zeroed(size_t count) {
  void* memory = std::aligned_alloc(64, (count * sizeof(T) + 63) / 64 * 64);
  if (memory == nullptr) (Message() << "no memory to watch accesses").die();
  std::memset(memory, 0, count * sizeof(T));
  return static_cast<T*>(memory);
}

Page** place_of(uintptr_t address) {
  const uintptr_t number = address >> kPageBits, high = number >> kLowBits;
  if (high >= 1u << kHighBits) return nullptr;
  Page** table = tables[high];
  return table == nullptr ? nullptr : table + (number & ((1u << kLowBits) - 1));
}

Page** make_place(uintptr_t address) {
  const uintptr_t high = address >> (kPageBits + kLowBits);
  if (tables[high] == nullptr) tables[high] = new Page*[1u << kLowBits]();
  return place_of(address);
}

}  // namespace

void watch_memory(const char* from, size_t bytes, Reach reach) {
  if (!watching) return;
  const auto begin = reinterpret_cast<uintptr_t>(from);
  for (uintptr_t at = begin; at < begin + bytes; at += kPageBytes) {
    *make_place(at) = &untouched[static_cast<int>(reach)];
  }
}

void forget_memory(const char* from, size_t bytes) {
  if (!watching) return;
  const auto begin = reinterpret_cast<uintptr_t>(from);
  for (uintptr_t at = begin; at < begin + bytes; at += kPageBytes) {
    Page** place = place_of(at);
    if (place == nullptr || *place == nullptr) continue;
    if ((*place)->cells != nullptr) {
      std::free((*place)->cells);
      delete *place;
    }
    *place = nullptr;
  }
}

Page* find_page(uintptr_t address) {
  Page** place = place_of(address);
  if (place == nullptr || *place == nullptr) return nullptr;
  if ((*place)->cells == nullptr) {
    *place = new Page(**place);
    (*place)->cells = zeroed<Cell>(kPageBytes >> kWordShift);
  }
  return *place;
}

void halve_pieces(Page& page) {
  const size_t pieces = kPageBytes >> page.shift--;
  Cell* halves = zeroed<Cell>(2 * pieces);
  for (size_t i = 0; i < pieces; ++i) halves[2 * i] = halves[2 * i + 1] = page.cells[i];
  std::free(page.cells);
  page.cells = halves;
}

}  // namespace sy::hostcuda
