// SPDX-License-Identifier: Apache-2.0
// `inspect FOLDER --verify`, where FOLDER has checkpoints in it.
#pragma once

#include <string>

#include "lib/base/error.h"

namespace sy {

// Verifies every checkpoint of a run's folder, or of a folder of checkpoints, and prints a line
// each as soon as it is read: text, or JSON. Throws DataError at the end if any is damaged.
ExitCode inspect_checkpoints(const std::string& folder, bool json);

}  // namespace sy
