// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/slab_ledger.h"

#include "lib/checkpoint/cover.h"

namespace sy {

void SlabLedger::add(int rank, const std::vector<CheckpointTensor>& tensors) {
  const std::lock_guard lock(mutex_);
  if (entries_.empty()) {
    for (const CheckpointTensor& tensor : tensors) {
      entries_.push_back({tensor.name, tensor.local.dtype(), tensor.global, {}});
    }
  }
  if (!fault_.empty()) return;
  if (tensors.size() != entries_.size()) {
    fault_ = fmt::format("rank {} has {} tensors of a checkpoint, others have {}", rank,
                         tensors.size(), entries_.size());
    return;
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    Entry& entry = entries_[i];
    const CheckpointTensor& tensor = tensors[i];
    const bool same = tensor.name == entry.name && tensor.global == entry.global &&
                      tensor.local.dtype() == entry.dtype;
    const bool inside = !tensor.write || lies_within(tensor.slab, tensor.global);
    if (!same || !inside) {
      fault_ = fmt::format("rank {} has {} {} of {}, where others have {} {}", rank, tensor.name,
                           tensor.slab.str(), tensor.global.str(), entry.name, entry.global.str());
      return;
    }
    if (tensor.write) entry.slabs.push_back(tensor.slab);
  }
}

std::string SlabLedger::find_fault() const {
  if (!fault_.empty()) return fault_;
  for (const Entry& entry : entries_) {
    const auto fault = checkpoint::find_cover_fault(Slab::whole(entry.global), entry.slabs);
    if (fault) return fmt::format("{}: {}", entry.name, checkpoint::describe(*fault));
  }
  return "";
}

int64_t SlabLedger::slabs() const {
  int64_t count = 0;
  for (const Entry& entry : entries_) count += std::ssize(entry.slabs);
  return count;
}

int64_t SlabLedger::bytes() const {
  int64_t bytes = 0;
  for (const Entry& entry : entries_) {
    bytes += entry.global.numel() * static_cast<int64_t>(size_of(entry.dtype));
  }
  return bytes;
}

}  // namespace sy
