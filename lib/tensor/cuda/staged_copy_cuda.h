// SPDX-License-Identifier: Apache-2.0
// The CUDA resources of staged copies.
#pragma once

#include <memory>
#include <vector>

#include "lib/tensor/staged_copy.h"

namespace sy {

struct CudaEventSlot;  // owns a CUDA event

struct Readback::Cuda {
  Cuda();
  ~Cuda();
  void start(Exec& exec, const std::vector<Tensor>& from, const std::vector<Tensor>& to);
  void wait();

  std::unique_ptr<CudaEventSlot> done;
};

}  // namespace sy
