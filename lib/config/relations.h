// Faults between values that are each in range on their own.
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// As find_faults. Relations whose values are out of range themselves are passed over.
std::vector<std::string> find_relation_faults(const RunConfig& config);

}  // namespace sy
