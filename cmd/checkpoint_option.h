// SPDX-License-Identifier: Apache-2.0
// The checkpoint that evaluate and infill read, and its configuration: CONFIG, or by default the
// checkpoint's own.
#pragma once

#include <string>

#include "cmd/config_options.h"
#include "lib/train/checkpointing.h"

namespace sy {

struct CheckpointOptions {
  ConfigOptions config;
  std::string checkpoint;  // --checkpoint; "": the newest of the run
};

// A checkpoint and what is known about it before any tensor is read.
struct ChosenCheckpoint {
  std::string path;
  RunConfig config;  // checked, --set applied, not resolved
  // Converted from Hugging Face and read without CONFIG: then its data section says nothing about
  // the length of texts, except where --set did.
  bool converted = false;
};

std::shared_ptr<CheckpointOptions> add_checkpoint_options(CLI::App& app);

// Throws ConfigError or DataError. With `needs_tokenizer` there must be a tokenizer: with the
// checkpoint's own configuration, --set data.tokenizer, else tokenizer.model of the checkpoint,
// else spiece.model in its folder; with CONFIG, its data.tokenizer, or tokenizer.model if that file
// does not exist. Warns if it is not the tokenizer that the checkpoint holds.
ChosenCheckpoint choose_checkpoint(const CheckpointOptions& options, bool needs_tokenizer = true);

// The chosen path of rank 0. Each rank has chosen alone, before MPI; of a run that goes on, a later
// one may have found a later checkpoint. Collective.
std::string path_for_all(const ChosenCheckpoint& chosen, Communicator& world);

}  // namespace sy
