// How rank 0 turns finished shards into a checkpoint: the one way in which a folder becomes one,
// for the trainer and for `convert`. Between any two calls of the file system there is a folder
// that is either still partial or wholly committed, so the program may be killed at any time.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {

// The records of all `ranks` shards of this attempt. Throws RuntimeFailure naming a record or shard
// that is absent, cut short, or of another step, attempt or number of ranks.
std::vector<ShardRecord> read_shard_records(const std::string& partial_folder, int64_t ranks,
                                            const CheckpointMeta& meta);

// Joins the records; `index` is left open. Throws InternalError listing every tensor of which an
// element is written by no rank or by several, and every disagreement about a tensor.
Manifest merge_records(const std::vector<ShardRecord>& records, const CheckpointMeta& meta);

// What becomes of a checkpoint that has the name already.
enum class Existing : uint8_t { replace, refuse };

struct CommitPlace {
  std::string partial;    // the folder with the shards and their records
  std::string committed;  // the name that it gets, in the same parent folder
  Existing existing = Existing::replace;
};

// Commits the shards of `ranks` ranks, each of which has its record in place.partial (shard.h):
//   1. every record is read, and every shard and file that it names is there in its size;
//   2. index.h5 shows each tensor and stream whole, as virtual datasets over the shards;
//   3. what the manifest does not name is removed: records, files of an attempt with more ranks;
//   4. manifest.json, and all that is in the folder, is durable;
//   5. the folder gets its name, in one call also where it replaces a checkpoint of the same name;
//   6. the name is durable.
// Throws RuntimeFailure naming a shard that is not done (read_shard_records), a file and reason, or
// a folder that is in the way; what had the name before then has it still.
void commit_checkpoint(const CommitPlace& place, int64_t ranks, const CheckpointMeta& meta);

// Renames to trash the committed checkpoints beyond the newest `keep` (0: none), never `step`
// itself, and partial folders up to `step`: a half deleted folder is never taken for a checkpoint.
void retire(const std::string& folder, int64_t step, int64_t keep);

// Deletes all trash, which may take seconds for a large checkpoint.
void empty_trash(const std::string& folder);

}  // namespace sy::checkpoint
