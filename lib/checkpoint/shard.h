// One rank's part of a checkpoint: its slabs and streams in one HDF5 file, then its record.
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

// The file half: writes shard-RRRRR.h5 with the tensors marked `write` and all streams of `meta`,
// syncs it, and returns its record. What an earlier attempt left under this rank's names is
// replaced; other ranks' files are never touched, so ranks need not wait for one another. A file
// that could not be finished is removed. Rank 0 writes tokenizer.model besides. Throws
// RuntimeFailure naming file and reason.
ShardRecord write_shard_file(const std::string& partial_folder, Origin origin,
                             const std::vector<CheckpointTensor>& tensors,
                             const CheckpointMeta& meta);

// Writes a file into the folder, durably, and notes it in the record.
void write_beside(const std::string& partial_folder, ShardRecord& record, const std::string& name,
                  const std::string& contents);

// The record half, durable when it returns: from here on the rank's part counts as written.
void write_shard_record(const std::string& partial_folder, const ShardRecord& record);

}  // namespace sy::checkpoint
