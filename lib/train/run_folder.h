// SPDX-License-Identifier: Apache-2.0
// The directory of a run, runs/NAME: configuration, log, metrics and checkpoints.
#pragma once

#include <string>

#include "lib/config/run_config.h"

namespace sy {

struct RunFolder {
  explicit RunFolder(const RunConfig& config);

  std::string path;         // directory/name
  std::string checkpoints;  // path/checkpoints

  // Creates the directories, opens log.txt and writes the resolved config.yaml. On rank 0 only.
  // Throws RuntimeFailure.
  void create(const RunConfig& config) const;
};

}  // namespace sy
