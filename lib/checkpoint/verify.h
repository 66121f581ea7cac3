// SPDX-License-Identifier: Apache-2.0
// Checks of all checkpoints of a folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sy {

// The checkpoints of `folder`, which is that of a run or one that holds checkpoints, in order of
// their steps: every folder with the name of a committed checkpoint, even if its manifest is gone.
std::vector<std::string> checkpoints_under(const std::string& folder);

// One sentence for each fault of the checkpoint, none if it is intact: why it cannot be opened, or
// what CheckpointReader::verify() finds. Nothing if its folder is gone, as when a run that goes on
// has retired it meanwhile.
std::optional<std::vector<std::string>> checkpoint_faults(const std::string& path);

}  // namespace sy
