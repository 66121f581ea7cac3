// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/transfer.h"

#include <cstring>

namespace sy {
namespace {

void transfer(Exec& exec, Tensor to, Tensor from) {
  SY_CHECK(to.dtype() == from.dtype() && to.numel() == from.numel(), "transfer: {} {} to {} {}",
           name_of(from.dtype()), from.shape().str(), name_of(to.dtype()), to.shape().str());
  if (to.numel() == 0) return;
  if (exec.backend == Backend::cuda) return copy_in_cuda(exec, to.raw(), from.raw(), to.bytes());
  std::memcpy(to.raw(), from.raw(), static_cast<size_t>(to.bytes()));
}

}  // namespace

void upload(Exec& exec, Tensor to, Tensor from) {
  transfer(exec, to, from);
}

void download(Exec& exec, Tensor to, Tensor from) {
  transfer(exec, to, from);
}

double read_number(Exec& exec, Tensor tensor) {
  if (tensor.dtype() == DType::f64) {
    double value = 0;
    download(exec, Tensor(&value, DType::f64, {1}), tensor);
    return value;
  }
  float value = 0;
  download(exec, Tensor(&value, DType::f32, {1}), tensor);
  return static_cast<double>(value);
}

void synchronize(Exec& exec) {
  if (exec.backend == Backend::cuda) synchronize_cuda(exec);
}

}  // namespace sy
