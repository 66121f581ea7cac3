// SPDX-License-Identifier: Apache-2.0
// The commit protocol, by which rank 0 turns finished shards into a checkpoint. The trainer and
// `convert` both use it. Between any two file system calls the folder is either still partial or
// entirely committed, so the program may be killed at any time.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {

// The records of all `ranks` shards of this attempt. Throws RuntimeFailure that names a record or
// shard that is missing, truncated, or of another step, attempt or number of ranks.
std::vector<ShardRecord> read_shard_records(const std::string& partial_folder, int64_t ranks,
                                            const CheckpointMeta& meta);

// Joins the records into a manifest; `index` is left empty. Throws InternalError that lists every
// tensor with an element written by no rank or by several, or about which ranks disagree.
Manifest merge_records(const std::vector<ShardRecord>& records, const CheckpointMeta& meta);

// What to do if a checkpoint of that name exists.
enum class Existing : uint8_t { replace, refuse };

struct CommitPlace {
  std::string partial;    // the folder with the shards and their records
  std::string committed;  // its new name, in the same parent folder
  Existing existing = Existing::replace;
};

// Commits the shards of `ranks` ranks, each of which has its record in place.partial (shard.h):
//   1. read every record, and check that every file it names exists and has the recorded size;
//   2. write index.h5, whose virtual datasets show each tensor and stream whole;
//   3. remove what the manifest does not name: records, and files of an attempt with more ranks;
//   4. write manifest.json and sync the folder;
//   5. rename the folder, in one call even if it replaces a checkpoint of the same name;
//   6. sync the parent folder.
// Throws RuntimeFailure that names an unfinished shard (read_shard_records), a file and a reason,
// or a folder that is in the way. An existing checkpoint of that name is then left as it was.
void commit_checkpoint(const CommitPlace& place, int64_t ranks, const CheckpointMeta& meta);

// The checkpoints that stay besides the one just committed.
struct Retention {
  int64_t newest = 0;  // so many, with the one just committed; 0: all
  int64_t every = 0;   // milestones: those whose step it divides; 0: none
  std::vector<int64_t> spared{};
};

// Renames to trash the committed checkpoints that `keep` does not keep, though never `step` itself,
// and the partial folders of steps up to `step`. Renaming first means that a half deleted folder is
// never mistaken for a checkpoint.
void retire(const std::string& folder, int64_t step, const Retention& keep);

// Deletes all trash. This may take seconds for a large checkpoint.
void empty_trash(const std::string& folder);

}  // namespace sy::checkpoint
