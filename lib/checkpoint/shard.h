// SPDX-License-Identifier: Apache-2.0
// One rank's part of a checkpoint: an HDF5 file with its slabs and streams, then a record of it.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {

struct Origin {
  int rank = 0;
  int ranks = 1;
};

// Writes and syncs shard-RRRRR.h5 with the tensors marked `write` and all streams of `meta`, and
// returns its record. Rank 0 also writes tokenizer.model. Files that an earlier attempt left under
// this rank's names are replaced; files of other ranks are never touched, so ranks need not wait
// for one another. A file that cannot be finished is removed. Throws RuntimeFailure that names the
// file and the reason.
ShardRecord write_shard_file(const std::string& partial_folder, Origin origin,
                             const std::vector<CheckpointTensor>& tensors,
                             const CheckpointMeta& meta);

// Writes and syncs a file in the folder, and adds it to the record.
void write_beside(const std::string& partial_folder, ShardRecord& record, const std::string& name,
                  const std::string& contents);

// Writes and syncs the record. From then on the rank's part counts as written.
void write_shard_record(const std::string& partial_folder, const ShardRecord& record);

}  // namespace sy::checkpoint
