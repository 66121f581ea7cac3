// Examples to the int32 memory that the model reads (model/batch.h has the views).
#pragma once

#include <cstdint>
#include <vector>

#include "lib/data/example.h"

namespace sy {

// Host memory of one micro-batch of `sequences` sequences; padded with 0 to the two lengths.
struct BatchMemory {
  BatchMemory(int64_t sequences, int64_t encoder_length, int64_t decoder_length);

  int64_t sequences, encoder_length, decoder_length;
  std::vector<int32_t> encoder_ids, encoder_valid;           // [B * Le]
  std::vector<int32_t> decoder_ids, targets, decoder_valid;  // [B * Ld]
  std::vector<int32_t> encoder_lengths, decoder_lengths;     // [B]
};

// Fills `memory` with examples [first, first + memory.sequences); places past the end of `examples`
// become all padding. Returns the number of valid target tokens. Throws InternalError when an
// example is longer than the lengths.
int64_t fill_batch(BatchMemory& memory, const std::vector<Example>& examples, int64_t first);

}  // namespace sy
