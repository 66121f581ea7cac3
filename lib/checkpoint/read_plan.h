// Which stored slabs serve the tensors that a rank asks for, whatever mesh wrote them.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {

// One stored slab and the memory that part of it, or all, goes to.
struct SlabRead {
  const Manifest::TensorEntry* tensor = nullptr;  // of the manifest
  const Manifest::StoredSlab* stored = nullptr;   // of the tensor
  Tensor local;                                   // the rank's memory
  Slab wanted;                                    // what it stands for

  std::string dataset() const;
  Slab common() const { return overlap(wanted, stored->slab); }
};

// One sentence for each tensor that the manifest cannot give: absent, or of another dtype or shape;
// with Extra::refuse also for each one that it has besides. None: plan_reads may be called.
std::vector<std::string> read_faults(const Manifest& manifest,
                                     const std::vector<CheckpointTensor>& tensors,
                                     CheckpointReader::Extra extra);

// The reads by shard (outer index); slabs of which nothing is needed are left out. Throws DataError
// naming a tensor and the place where the stored slabs do not give each wanted element once.
std::vector<std::vector<SlabRead>> plan_reads(const Manifest& manifest,
                                              const std::vector<CheckpointTensor>& tensors);

// Every stored slab, by shard, with no memory to go to.
std::vector<std::vector<SlabRead>> plan_verification(const Manifest& manifest);

}  // namespace sy::checkpoint
