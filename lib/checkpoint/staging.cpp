// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/staging.h"

#include <algorithm>
#include <cstring>

#include "lib/checkpoint/layout.h"

namespace sy::checkpoint {
namespace {

std::vector<CheckpointTensor> written_here(const std::vector<CheckpointTensor>& tensors) {
  std::vector<CheckpointTensor> written;
  for (const CheckpointTensor& tensor : tensors) {
    check_tensor(tensor);
    if (tensor.write) written.push_back(tensor);
  }
  return written;
}

// The same tensors with memory from the arena.
std::vector<CheckpointTensor> carve(Arena& arena, std::vector<CheckpointTensor> tensors) {
  for (CheckpointTensor& tensor : tensors) {
    tensor.local = arena.take(tensor.local.dtype(), tensor.local.shape(), tensor.name);
  }
  return tensors;
}

bool same_layout(const std::vector<CheckpointTensor>& a, const std::vector<CheckpointTensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.local.dtype() == y.local.dtype() && x.global == y.global &&
           x.slab == y.slab;
  });
}

}  // namespace

void StagingSet::fill(const std::vector<CheckpointTensor>& tensors, const CheckpointCopy& copy) {
  const std::vector<CheckpointTensor> written = written_here(tensors);
  if (arena_ == nullptr || !same_layout(written, staged_)) {
    staged_.clear();
    arena_ = std::make_unique<Arena>("the checkpoint's staging copy");
    carve(*arena_, written);
    arena_->allocate();
    staged_ = carve(*arena_, written);
  }
  for (size_t i = 0; i < written.size(); ++i) {
    if (written[i].local.bytes() == 0) continue;
    if (copy) {
      copy(staged_[i].local, written[i].local);
      continue;
    }
    std::memcpy(staged_[i].local.raw(), written[i].local.raw(),
                static_cast<size_t>(written[i].local.bytes()));
  }
}

}  // namespace sy::checkpoint
