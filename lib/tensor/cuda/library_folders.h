// SPDX-License-Identifier: Apache-2.0
// Where CUDA's libraries may lie on a machine whose dynamic loader does not know of them.
#pragma once

#include <filesystem>
#include <vector>

namespace sy {

// The folders of $SWITCHYARD_CUDA_LIBRARIES, as they are written there, separated by colons.
std::vector<std::filesystem::path> named_library_folders();

// The folders that exist, each once, in this order:
// - a toolkit's: of $CUDA_HOME and $CUDA_PATH, of the nvcc on $PATH, in /usr/local and /opt;
// - NVIDIA's Python packages (nvidia/cu13/lib, nvidia/cublas/lib, nvidia/nccl/lib and the like): of
//   $PYTHONPATH, $VIRTUAL_ENV and $CONDA_PREFIX, of the python3s on $PATH, of the user, of the
//   system, and of environments in /opt.
// Folders that cannot be read are left out; nothing is thrown.
std::vector<std::filesystem::path> found_library_folders();

}  // namespace sy
