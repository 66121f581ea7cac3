// Token ids with a fixed meaning in every T5-style tokenizer.
#pragma once

#include <cstdint>

namespace sy {

constexpr int32_t kPadId = 0;  // padding and the decoder's first input
constexpr int32_t kEosId = 1;

}  // namespace sy
