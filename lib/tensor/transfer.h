// Between the host's memory and an Exec's. On the CPU both are one, and these are copies; on CUDA
// they go through the exec's compute stream, after every op that was queued before.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// to = from, of one dtype and size; to is the exec's, from the host's, which may be used again on
// return.
void upload(Exec& exec, Tensor to, Tensor from);

// to = from, of one dtype and size; to is the host's, from the exec's. Complete on return.
void download(Exec& exec, Tensor to, Tensor from);

// The number in a tensor of one element, float32 or float64, of the exec's memory. Waits.
double read_number(Exec& exec, Tensor tensor);

// Waits until everything that was queued on the exec is done; on the CPU it is.
void synchronize(Exec& exec);

// The CUDA runtime's part (cuda_context.cpp): any direction, complete on return.
void copy_in_cuda(Exec& exec, void* to, const void* from, int64_t bytes);
void synchronize_cuda(Exec& exec);

}  // namespace sy
