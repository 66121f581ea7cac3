// SPDX-License-Identifier: Apache-2.0
// Host memory for a copy of what a rank writes, so that training may go on meanwhile.
#pragma once

#include <memory>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/tensor/arena.h"

namespace sy::checkpoint {

class StagingSet {
 public:
  // Copies the tensors marked `write`. Allocates at the first call, and whenever the layout is
  // another one. Throws InternalError for a tensor that a checkpoint cannot hold, RuntimeFailure if
  // memory is short.
  void fill(const std::vector<CheckpointTensor>& tensors, const CheckpointCopy& copy);

  // The tensors of the last fill(), in memory of this set.
  const std::vector<CheckpointTensor>& tensors() const { return staged_; }

 private:
  std::unique_ptr<Arena> arena_;
  std::vector<CheckpointTensor> staged_;
};

}  // namespace sy::checkpoint
