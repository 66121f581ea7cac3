// SPDX-License-Identifier: Apache-2.0
// Copies between the host and an Exec that overlap with computation. On the CPU both memories are
// the same and a copy is made immediately.
#pragma once

#include <memory>
#include <vector>

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Copies tensors from the exec's memory to the host while the host continues. `exec` must outlive
// the object.
class Readback {
 public:
  // `tensors` are read at every start().
  Readback(Exec& exec, std::vector<Tensor> tensors);
  ~Readback();

  // Queues the copies after all work queued to the exec so far.
  void start();
  // Waits for the copies. The i-th tensor's copy, in host memory, stays valid until the next
  // start().
  void wait();
  Tensor host(size_t i) const { return copies_[i]; }

 private:
  struct Cuda;
  Exec& exec_;
  std::vector<Tensor> tensors_, copies_;
  Memory memory_;
  std::unique_ptr<Cuda> cuda_;
};

// Copies a block of host bytes to a GPU while the exec computes with the previous block; the blocks
// alternate between two sets of memory. CUDA only.
class StagedUpload {
 public:
  StagedUpload(Exec& exec, int64_t bytes);
  ~StagedUpload();

  // Host memory to fill. Waits until the copy that last used it is done.
  char* next();
  // Queues the copy of the block that next() returned; work queued to the exec from now on runs
  // after it. Returns the block's address in the exec's memory, valid until the call after the next
  // one.
  char* send();

 private:
  struct Cuda;
  std::unique_ptr<Cuda> cuda_;
};

}  // namespace sy
