// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "lib/base/numeric.h"
#include "lib/tensor/cuda/staged_copy_cuda.h"
#include "lib/tensor/staged_copy.h"

namespace sy {

Readback::Readback(Exec& exec, std::vector<Tensor> tensors)
    : exec_(exec), tensors_(std::move(tensors)) {
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors_) bytes += round_up(tensor.bytes(), 64);
  const bool separate = exec.backend == Backend::cuda;
  memory_ = Memory(separate ? MemoryKind::pinned : MemoryKind::host, bytes, "numbers of a step");
  char* place = static_cast<char*>(memory_.data());
  for (const Tensor& tensor : tensors_) {
    copies_.emplace_back(place, tensor.dtype(), tensor.shape());
    place += round_up(tensor.bytes(), 64);
  }
  if (separate) cuda_ = std::make_unique<Cuda>();
}

Readback::~Readback() = default;

void Readback::start() {
  if (cuda_) return cuda_->start(exec_, tensors_, copies_);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].bytes() == 0) continue;
    std::memcpy(copies_[i].raw(), tensors_[i].raw(), static_cast<size_t>(tensors_[i].bytes()));
  }
}

void Readback::wait() {
  if (cuda_) cuda_->wait();
}

}  // namespace sy
