// The checkpoint that evaluate and infill read: the one named, or the run's newest.
#pragma once

#include "lib/train/checkpointing.h"
#include "lib/train/run_folder.h"

namespace sy {

inline RunState load_parameters(Session& session, const std::string& named) {
  const std::string folder = RunFolder(session.config).checkpoints;
  const std::string path = named.empty() ? newest_checkpoint(folder) : named;
  if (path.empty()) {
    throw DataError(fmt::format(
        "{} has no committed checkpoint: train first, or name one with --checkpoint", folder));
  }
  return restore_parameters(session, CheckpointReader(path));
}

}  // namespace sy
