// SPDX-License-Identifier: Apache-2.0
// In what two configurations differ, key by key.
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

struct KeyDifference {
  std::string key;  // "train.global_batch"
  std::string was;  // values in YAML syntax
  std::string is;
};

// In the order of the keys.
std::vector<KeyDifference> config_differences(RunConfig was, RunConfig is);

}  // namespace sy
