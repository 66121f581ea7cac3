// Copies between the host and an Exec that go on beside computing. On the CPU both memories are one
// and a copy is made at once.
#pragma once

#include <memory>
#include <vector>

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Tensors of the exec's memory on their way to the host, while the host goes on. `exec` must
// outlive it.
class Readback {
 public:
  // Reads `tensors`, each time the same.
  Readback(Exec& exec, std::vector<Tensor> tensors);
  ~Readback();

  // Queues the copies after everything that the exec was given before.
  void start();
  // Until they are here; the i-th tensor's copy, in host memory, holds until the next start().
  void wait();
  Tensor host(size_t i) const { return copies_[i]; }

 private:
  struct Cuda;
  Exec& exec_;
  std::vector<Tensor> tensors_, copies_;
  Memory memory_;
  std::unique_ptr<Cuda> cuda_;
};

// A block of host bytes on its way to a GPU, while the exec computes with the block before it: two
// sets of memory in turn. CUDA only.
class StagedUpload {
 public:
  StagedUpload(Exec& exec, int64_t bytes);
  ~StagedUpload();

  // Host memory to fill, as soon as the copy that last used it is done.
  char* next();
  // Queues the copy of what next() gave; what is given to the exec from here on comes after it.
  // Returns where the bytes are in the exec's memory until the call after the next one.
  char* send();

 private:
  struct Cuda;
  std::unique_ptr<Cuda> cuda_;
};

}  // namespace sy
