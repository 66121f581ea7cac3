// runs/NAME: where a run keeps its configuration, log, metrics and checkpoints.
#pragma once

#include <string>

#include "lib/config/run_config.h"

namespace sy {

struct RunFolder {
  explicit RunFolder(const RunConfig& config);

  std::string path;         // directory/name
  std::string checkpoints;  // path/checkpoints

  // Rank 0: makes the folders, begins log.txt, writes the resolved config.yaml. Throws
  // RuntimeFailure.
  void create(const RunConfig& config) const;
};

}  // namespace sy
