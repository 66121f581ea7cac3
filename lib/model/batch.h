// One micro-batch as the model reads it: views of int32, made by data/batcher.
#pragma once

#include "lib/tensor/tensor.h"

namespace sy {

struct Batch {
  Tensor encoder_ids;      // [B, Le], pad 0 at the end
  Tensor decoder_ids;      // [B, Ld], targets shifted right, beginning with pad 0
  Tensor targets;          // [B, Ld], pad 0 at the end
  Tensor encoder_valid;    // [B * Le], 1 where encoder_ids is not pad
  Tensor decoder_valid;    // [B * Ld], 1 where targets is not pad
  Tensor encoder_lengths;  // [B], tokens before the padding
  Tensor decoder_lengths;  // [B]
};

}  // namespace sy
