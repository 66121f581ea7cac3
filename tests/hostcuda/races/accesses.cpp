// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/races/accesses.h"

#include <algorithm>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/races/order.h"
#include "tests/hostcuda/races/race_report.h"

namespace sy::hostcuda {
namespace {

constexpr uint32_t kWarpOf = 32;

// Keeps an access that others may race with. A mark is free if it precedes this access, since what
// follows this one follows that one too. Of those that remain, one of another block is enough: any
// write of a later thread is unordered with one of the two. So are marks of two warps, and of two
// threads of one warp.
void remember(Mark (&marks)[2], const Mark& mine, Reach reach) {
  const bool first_stays = is_unordered(marks[0], reach);
  if (!first_stays) {
    marks[0] = mine;
    return;
  }
  if (marks[0].step < steps.first_of_block) return;
  const bool same_warp = marks[0].thread / kWarpOf == marks[1].thread / kWarpOf;
  if (!is_unordered(marks[1], reach) ||
      (same_warp && marks[0].thread / kWarpOf != mine.thread / kWarpOf)) {
    marks[1] = mine;
  }
}

struct Noted {
  Mark mark;
  Access access;
  Reach reach;
  const void* code;

  void against(const Mark& mark_of_other, Access theirs, uintptr_t at) const {
    if (!is_unordered(mark_of_other, reach)) return;
    report_race({at, access, theirs, code, mark_of_other});
  }

  void in(Cell& cell, uintptr_t at) const {
    against(cell.write, Access::write, at);
    if (access != Access::read) {
      for (const Mark& read : cell.reads) against(read, Access::read, at);
    }
    if (access != Access::atomic) {
      for (const Mark& atomic : cell.atomics) against(atomic, Access::atomic, at);
    }
    if (access == Access::write) {
      cell.write = mark;
    } else {
      remember(access == Access::read ? cell.reads : cell.atomics, mark, reach);
    }
  }
};

}  // namespace

void note_access(const void* at, size_t bytes, Access access, const void* code) {
  uintptr_t from = reinterpret_cast<uintptr_t>(at);
  const uintptr_t end = from + bytes;
  while (from < end) {
    Page* page = find_page(from);
    if (page == nullptr) return;
    const uintptr_t upto = std::min(end, (from | (kPageBytes - 1)) + 1);
    while (((from | upto) & ((1u << page->shift) - 1)) != 0) halve_pieces(*page);
    const Noted noted{mark_of_thread(relative(code)), access, page->reach, code};
    for (; from < upto; from += 1u << page->shift) {
      noted.in(page->cells[from % kPageBytes >> page->shift], from);
    }
  }
}

void touch(const void* at, size_t bytes, Access access) {
  if (watching && running.is_kernel) note_access(at, bytes, access, __builtin_return_address(0));
}

}  // namespace sy::hostcuda
