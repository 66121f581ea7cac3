// SPDX-License-Identifier: Apache-2.0
// T5's special ids, used where no tokenizer or checkpoint says otherwise (special_ids() in
// lib/config/config.h). In the targets of a batch, 0 marks what is not scored, whatever id pads: as
// in seqio, a token of id 0 never counts.
#pragma once

#include <cstdint>

namespace sy {

constexpr int32_t kPadId = 0;  // padding and the decoder's first input
constexpr int32_t kEosId = 1;

}  // namespace sy
