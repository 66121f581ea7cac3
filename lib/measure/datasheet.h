// SPDX-License-Identifier: Apache-2.0
// What a GPU's data sheet promises.
#pragma once

#include <optional>
#include <string>

#include "lib/tensor/dtype.h"

namespace sy {

// FLOP/s of dense products of `dtype` on the GPU of this name (as CUDA and nvidia-smi give it),
// without sparsity, at the boost clock. bfloat16 products run on tensor cores; float32 products do
// not, because TF32 is not used. Nothing for a GPU or a dtype that the table does not have.
std::optional<double> datasheet_rate(const std::string& gpu, DType dtype);

}  // namespace sy
