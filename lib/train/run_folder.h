// SPDX-License-Identifier: Apache-2.0
// The directory of a run, runs/NAME: configuration, log, metrics and checkpoints.
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/config/run_config.h"

namespace sy {

struct RunFolder {
  explicit RunFolder(const RunConfig& config);

  std::string path;         // directory/name
  std::string checkpoints;  // path/checkpoints

  // Creates the directories and writes the resolved config.yaml. On rank 0 only.
  // Throws RuntimeFailure.
  void create(const RunConfig& config);

  // Throws RuntimeFailure if the path no longer leads to the folder that create() made or found:
  // what the run writes would be lost, or be written elsewhere. On rank 0 only.
  void require_in_place() const;

 private:
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace sy
