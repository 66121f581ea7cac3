// How rank 0 turns the ranks' shards into a checkpoint. Each step leaves a folder that is either
// still partial or wholly committed, so a run may be killed between any two of them.
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

// Joins the records; `index` is left open. Throws InternalError listing every piece that no rank or
// more than one has written, and every disagreement about a tensor.
Manifest merge_records(const std::vector<ShardRecord>& records, const CheckpointMeta& meta);

// Writes index.h5 and notes it in the manifest: each tensor and stream whole, as a virtual dataset
// over the shards, and the texts config.yaml and state.json.
void write_index(const std::string& partial_folder, Manifest& manifest);

// Removes what the manifest does not name (records, files of an attempt with more ranks), then
// writes the manifest; all of it is durable when this returns.
void write_manifest(const std::string& partial_folder, const Manifest& manifest);

// Gives the partial folder its committed name, in place of a checkpoint of the same step if there
// is one, and makes the name durable.
void publish(const std::string& folder, int64_t step);

// Renames to trash the committed checkpoints beyond the newest `keep` (0: none), never `step`
// itself, and partial folders up to `step`: a half deleted folder is never taken for a checkpoint.
void retire(const std::string& folder, int64_t step, int64_t keep);

// Deletes all trash, which may take seconds for a large checkpoint.
void empty_trash(const std::string& folder);

}  // namespace sy::checkpoint
