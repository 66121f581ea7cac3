// SPDX-License-Identifier: Apache-2.0
// Which checkpoint a path means.
#pragma once

#include <string>

namespace sy {

// The folder of a committed checkpoint: `path` itself, or for a run's folder or its checkpoints/
// the newest one in it. Throws DataError that says what `path` is instead (missing, a file, a run
// without a checkpoint, a Hugging Face folder, ...) and what to pass.
std::string locate_checkpoint(const std::string& path);

// Whether the file begins as a Git LFS pointer does: text that stands in for the real file until it
// is fetched.
bool is_lfs_pointer(const std::string& path);

}  // namespace sy
