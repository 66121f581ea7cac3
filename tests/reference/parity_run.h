// SPDX-License-Identifier: Apache-2.0
// One training step's forward and backward of a model that Hugging Face's transformers can run too,
// written down under the names and in the orientation that they have there.
#pragma once

#include <string>

#include "lib/tensor/dtype.h"

namespace sy::test {

// `model`: a Hugging Face folder, or a checkpoint. `batch`: see parity_batch.h. With
// experts.convention hugging_face, without dropout and jitter, computed in `dtype` (float32 or
// float64). Makes the folder `out`:
//   outputs.safetensors  logits [B, Ld, vocab]; loss [1] (cross-entropy: mean over the targets;
//                        router losses with their coefficients), cross_entropy [1], and of sparse
//                        models balance_loss [1], z_loss [1] (of both stacks, before the
//                        coefficients)
//   gradients/           of the loss: a Hugging Face folder with gradients in the weights' place
// All in float32. Throws DataError or ConfigError where the inputs do not fit.
void run_parity(const std::string& model, const std::string& batch, const std::string& out,
                DType dtype = DType::f32);

}  // namespace sy::test
