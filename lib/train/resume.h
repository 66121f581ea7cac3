// SPDX-License-Identifier: Apache-2.0
// What a run may resume from: a checkpoint of the same data, tokenizer and model. Everything else
// may change and is told.
#pragma once

#include <string>
#include <vector>

#include "lib/train/checkpointing.h"

namespace sy {

struct ResumePlan {
  // The shards that the run began with, in its order, where they are now. The positions of the data
  // streams refer to them. `shards_changed`: they are not just those that the configuration matches
  // now.
  std::vector<DataShard> shards;
  bool shards_changed = false;
  std::vector<std::string> notes;  // one sentence each, for the log
};

// Compares the checkpoint with the configuration and the files that it names now. Shards that were
// added are left out, and shards that were moved are found by name and checksum, within their
// corpus. Corpora must have kept their names and order; their sizes and rates may change. Throws
// one ConfigError that lists every key or file that makes it another run, with old and new value.
// Reads the files, so it is called on one rank. Writes nothing.
ResumePlan plan_resume(const RunConfig& config, const RunInputs& inputs,
                       const CheckpointReader& checkpoint);

}  // namespace sy
