// SPDX-License-Identifier: Apache-2.0
// Which stored slabs a rank must read for the tensors it asks for, whatever mesh wrote them.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {

// One stored slab and the memory that receives all or part of it.
struct SlabRead {
  const Manifest::TensorEntry* tensor = nullptr;  // of the manifest
  const Manifest::StoredSlab* stored = nullptr;   // of the tensor
  Tensor local;                                   // the rank's memory
  Slab wanted;                                    // the part of the tensor that it holds

  std::string dataset() const;
  Slab common() const { return overlap(wanted, stored->slab); }
};

// One sentence for each tensor that the manifest lacks or has with another dtype or shape and, with
// Extra::refuse, for each that was not asked for. If there are none, plan_reads may be called.
std::vector<std::string> read_faults(const Manifest& manifest,
                                     const std::vector<CheckpointTensor>& tensors,
                                     CheckpointReader::Extra extra);

// The reads for each shard (outer index), without slabs of which nothing is needed. Throws
// DataError that names a tensor and an element that the stored slabs do not hold exactly once.
std::vector<std::vector<SlabRead>> plan_reads(const Manifest& manifest,
                                              const std::vector<CheckpointTensor>& tensors);

// Reads of every stored slab, for each shard, without memory to receive them.
std::vector<std::vector<SlabRead>> plan_verification(const Manifest& manifest);

}  // namespace sy::checkpoint
