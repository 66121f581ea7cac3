// The checkpoint that evaluate and infill read, and the configuration that goes with it: CONFIG's,
// or where that is left out the checkpoint's own.
#pragma once

#include <string>

#include "cmd/config_options.h"
#include "lib/train/checkpointing.h"

namespace sy {

struct CheckpointOptions {
  ConfigOptions config;
  std::string checkpoint;  // --checkpoint; "": the run's newest
};

// A checkpoint and what is known of it before any tensor is read.
struct ChosenCheckpoint {
  std::string path;
  RunConfig config;  // checked, --set applied, not resolved
  // Converted from Hugging Face and read without CONFIG: its data section says nothing of how long
  // texts are, but where --set did.
  bool converted = false;
};

std::shared_ptr<CheckpointOptions> add_checkpoint_options(CLI::App& app);

// Throws ConfigError or DataError. With `needs_tokenizer` there must be one. With a checkpoint's
// own configuration: --set data.tokenizer, else tokenizer.model of the checkpoint, else
// spiece.model in its folder. With CONFIG: its data.tokenizer, or where that file is absent
// tokenizer.model.
ChosenCheckpoint choose_checkpoint(const CheckpointOptions& options, bool needs_tokenizer = true);

}  // namespace sy
