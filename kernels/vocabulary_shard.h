// SPDX-License-Identifier: Apache-2.0
// The part of a vocabulary that a rank holds when the vocabulary is sharded over ranks.
#pragma once

#include <cstdint>

namespace sy {

// Ids [first, first + n) of `whole`, where n is the extent of the tensor at hand: rows of a table,
// or columns of logits. If whole is 0, the tensor has all ids.
struct VocabularyShard {
  int64_t first = 0;
  int64_t whole = 0;

  // The number of ids of the vocabulary.
  constexpr int64_t ids(int64_t n) const { return whole == 0 ? n : whole; }
};

}  // namespace sy
