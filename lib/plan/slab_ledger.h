// SPDX-License-Identifier: Apache-2.0
// What every rank of a mesh would write of a checkpoint.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"

namespace sy {

class SlabLedger {
 public:
  // Adds the tensors of a rank (checkpoint_tensors()). Any thread.
  void add(int rank, const std::vector<CheckpointTensor>& tensors);

  // "" if every rank has the same tensors, and the slabs that are written hold each element of each
  // tensor exactly once; otherwise the first fault in one sentence.
  std::string find_fault() const;

  int64_t tensors() const { return std::ssize(entries_); }
  int64_t slabs() const;
  int64_t bytes() const;  // of all tensors

 private:
  struct Entry {
    std::string name;
    DType dtype;
    Shape global;
    std::vector<Slab> slabs;  // as they were added
  };

  std::mutex mutex_;
  std::vector<Entry> entries_;
  std::string fault_;  // of the rank that has other tensors
};

}  // namespace sy
