// SPDX-License-Identifier: Apache-2.0
// What `switchyard --version` prints.
#pragma once

#include <string>

namespace sy {

// `switchyard VERSION`, then one line each, as `item: value`: commit, compiler, processor, MPI,
// backends, HDF5, oneDNN, SentencePiece. Libraries are asked for theirs as they run, where they can
// say; CUDA's and NCCL's are those of the headers, so that asking needs no driver. No newline at
// the end.
std::string version_text();

}  // namespace sy
