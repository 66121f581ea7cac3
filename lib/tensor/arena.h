// One memory region: measured, allocated once, then carved. The same planning code runs twice,
// first against a measuring arena (views without memory), then against the allocated one, so what
// was measured is what is used.
//
//   Arena arena("saved activations");
//   plan(arena);            // measures
//   arena.allocate();       // one zeroed allocation, aligned to 64 bytes
//   saved = plan(arena);    // carves the same sequence
#pragma once

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

  // Next view of the region. While measuring it has no memory. Throws InternalError when carving
  // departs from what was measured.
  Tensor take(DType dtype, Shape shape, const std::string& label);

  // Ends measuring: allocates and rewinds. At most once. Throws RuntimeFailure when memory is
  // short.
  void allocate(MemoryKind kind = MemoryKind::host);

  const std::string& name() const { return name_; }
  bool measuring() const { return memory_.data() == nullptr; }
  // What allocate() takes, or took: the measured size, padding included.
  int64_t bytes() const;

 private:
  std::string name_;
  std::vector<int64_t> measured_;  // bytes of each view
  size_t next_ = 0;
  int64_t size_ = 0;
  int64_t offset_ = 0;
  Memory memory_;
};

}  // namespace sy
