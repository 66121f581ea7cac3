// SPDX-License-Identifier: Apache-2.0
// One memory region: measured, allocated once, then carved into tensors. The same planning code
// runs twice, first against a measuring arena (views without memory), then against the allocated
// one, so the measurement is exactly what is used.
//
//   Arena arena("saved activations");
//   plan(arena);            // measures
//   arena.allocate();       // one zeroed allocation, aligned to 64 bytes
//   saved = plan(arena);    // carves the same sequence
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/tensor/memory.h"
#include "lib/tensor/tensor.h"

namespace sy {

class Arena {
 public:
  explicit Arena(std::string name) : name_(std::move(name)) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // The next view of the region; without memory while measuring. Throws InternalError if carving
  // deviates from what was measured.
  Tensor take(DType dtype, Shape shape, const std::string& label);

  // Ends measuring: allocates the region and rewinds. May be called once. Throws RuntimeFailure if
  // memory is short.
  void allocate(MemoryKind kind = MemoryKind::host);

  const std::string& name() const { return name_; }
  bool measuring() const { return memory_.data() == nullptr; }
  // The bytes that allocate() takes or took: the measured size with padding.
  int64_t bytes() const;

 private:
  friend class SharedMemory;

  std::string name_;
  std::vector<int64_t> measured_;  // bytes of each view, in order
  size_t next_ = 0;
  int64_t size_ = 0;
  int64_t offset_ = 0;  // of the next view
  Memory memory_;
};

// Lets plans that are never in use at the same time share memory of an arena, as much as the
// largest of them takes:
//
//   SharedMemory shared(arena);
//   for (...) {
//     shared.start_over();
//     sets.push_back(plan(arena));
//   }
//
// What is taken after its life follows all of them.
class SharedMemory {
 public:
  explicit SharedMemory(Arena& arena) : arena_(arena), begin_(arena.offset_), end_(arena.offset_) {}
  ~SharedMemory() { arena_.offset_ = std::max(end_, arena_.offset_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // The next views are taken from the beginning of the shared memory again.
  void start_over() {
    end_ = std::max(end_, arena_.offset_);
    arena_.offset_ = begin_;
  }

 private:
  Arena& arena_;
  int64_t begin_, end_;
};

}  // namespace sy
