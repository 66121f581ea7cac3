// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/read_plan.h"

#include <unordered_map>
#include <unordered_set>

#include "lib/checkpoint/cover.h"
#include "lib/checkpoint/layout.h"

namespace sy::checkpoint {
namespace {

using TensorsByName = std::unordered_map<std::string, const Manifest::TensorEntry*>;

TensorsByName by_name(const Manifest& manifest) {
  TensorsByName tensors;
  for (const Manifest::TensorEntry& tensor : manifest.tensors) {
    tensors.emplace(tensor.name, &tensor);
  }
  return tensors;
}

std::string group_of(const std::string& name) {
  return name.substr(0, name.find('/'));
}

std::vector<std::string> extra_faults(const Manifest& manifest,
                                      const std::vector<CheckpointTensor>& tensors) {
  std::unordered_set<std::string> names, groups;
  for (const CheckpointTensor& tensor : tensors) {
    names.insert(tensor.name);
    groups.insert(group_of(tensor.name));
  }
  std::vector<std::string> faults;
  for (const Manifest::TensorEntry& stored : manifest.tensors) {
    if (groups.contains(group_of(stored.name)) && !names.contains(stored.name)) {
      faults.push_back(fmt::format("{} is in the checkpoint but not in this run", stored.name));
    }
  }
  return faults;
}

}  // namespace

std::string SlabRead::dataset() const {
  return slab_dataset(tensor->name, stored->slab, tensor->global);
}

std::vector<std::string> read_faults(const Manifest& manifest,
                                     const std::vector<CheckpointTensor>& tensors,
                                     CheckpointReader::Extra extra) {
  const TensorsByName stored = by_name(manifest);
  std::vector<std::string> faults;
  for (const CheckpointTensor& tensor : tensors) {
    const auto found = stored.find(tensor.name);
    if (found == stored.end()) {
      faults.push_back(fmt::format("{} is missing", tensor.name));
      continue;
    }
    const Manifest::TensorEntry& entry = *found->second;
    if (entry.dtype != tensor.local.dtype() || !(entry.global == tensor.global)) {
      faults.push_back(fmt::format("{} is {} {} in the checkpoint but {} {} in this run",
                                   tensor.name, name_of(entry.dtype), entry.global.str(),
                                   name_of(tensor.local.dtype()), tensor.global.str()));
    }
  }
  if (extra == CheckpointReader::Extra::refuse) {
    for (std::string& fault : extra_faults(manifest, tensors)) faults.push_back(std::move(fault));
  }
  return faults;
}

std::vector<std::vector<SlabRead>> plan_reads(const Manifest& manifest,
                                              const std::vector<CheckpointTensor>& tensors) {
  const TensorsByName stored = by_name(manifest);
  std::vector<std::vector<SlabRead>> reads(manifest.shards.size());
  for (const CheckpointTensor& tensor : tensors) {
    if (tensor.slab.numel() == 0) continue;
    SlabRead read{stored.at(tensor.name), nullptr, tensor.local, tensor.slab};
    std::vector<Slab> given;
    for (const Manifest::StoredSlab& slab : read.tensor->slabs) {
      read.stored = &slab;
      const Slab common = read.common();
      if (common.numel() == 0) continue;
      given.push_back(common);
      reads[static_cast<size_t>(slab.shard)].push_back(read);
    }
    if (const auto fault = find_cover_fault(tensor.slab, given)) {
      throw DataError(fmt::format("{} cannot be read: {} of it", tensor.name, describe(*fault)));
    }
  }
  return reads;
}

std::vector<std::vector<SlabRead>> plan_verification(const Manifest& manifest) {
  std::vector<std::vector<SlabRead>> reads(manifest.shards.size());
  for (const Manifest::TensorEntry& tensor : manifest.tensors) {
    for (const Manifest::StoredSlab& slab : tensor.slabs) {
      reads[static_cast<size_t>(slab.shard)].push_back({&tensor, &slab, {}, slab.slab});
    }
  }
  return reads;
}

}  // namespace sy::checkpoint
