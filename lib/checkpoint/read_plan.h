// Which stored pieces serve the tensors that a rank asks for, whatever mesh wrote them.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {

// One stored piece and the memory that part of it, or all, goes to.
struct PieceRead {
  const Manifest::TensorEntry* tensor = nullptr;  // of the manifest
  int64_t piece = 0;
  Tensor local;      // the rank's memory
  Rows local_rows;   // the global rows it stands for
  Rows stored_rows;  // the global rows of the stored piece

  const Manifest::Part& part() const { return tensor->parts[static_cast<size_t>(piece)]; }
  std::string dataset() const;
  Shape stored_shape() const;
};

// One sentence for each tensor that the manifest cannot give: absent, or of another dtype or shape;
// with Extra::refuse also for each one that it has besides. None: plan_reads may be called.
std::vector<std::string> read_faults(const Manifest& manifest,
                                     const std::vector<CheckpointTensor>& tensors,
                                     CheckpointReader::Extra extra);

// The reads by shard (outer index); pieces of which no row is needed are left out.
std::vector<std::vector<PieceRead>> plan_reads(const Manifest& manifest,
                                               const std::vector<CheckpointTensor>& tensors);

// Every stored piece, by shard, with no memory to go to.
std::vector<std::vector<PieceRead>> plan_verification(const Manifest& manifest);

}  // namespace sy::checkpoint
