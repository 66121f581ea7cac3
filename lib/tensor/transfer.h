// SPDX-License-Identifier: Apache-2.0
// Copies between host memory and an Exec's memory. On the CPU both are host memory and these are
// plain copies. On CUDA they run on the exec's compute stream, after every op queued before.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Copies `from` (host memory) to `to` (the exec's memory); both have the same dtype and size.
// `from` may be reused on return.
void upload(Exec& exec, Tensor to, Tensor from);

// Copies `from` (the exec's memory) to `to` (host memory); both have the same dtype and size.
// Complete on return.
void download(Exec& exec, Tensor to, Tensor from);

// The value of a one-element float32 or float64 tensor in the exec's memory. Waits for it.
double read_number(Exec& exec, Tensor tensor);

// Waits until everything queued to the exec is done. A no-op on the CPU.
void synchronize(Exec& exec);

// Implemented in cuda_context.cpp. Copies in any direction; complete on return.
void copy_in_cuda(Exec& exec, void* to, const void* from, int64_t bytes);
void synchronize_cuda(Exec& exec);

}  // namespace sy
