// SPDX-License-Identifier: Apache-2.0
// Token embedding: selects rows of a table by id. The gradient is deterministic and uses no
// atomics: on the CPU each thread owns a range of columns and adds the rows in order; on CUDA rows
// are sorted by id and the sorted rows are summed in chunks.
#pragma once

#include "kernels/vocabulary_shard.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// out [rows, d] is overwritten; table [vocab, d]; both have the same dtype, float32, float64 or
// bfloat16. ids int32 [rows], each in [0, vocab). For any other id, the CPU throws InternalError in
// forward and backward. CUDA does not check ids beforehand: the row of out becomes NaN, and
// backward skips the row. A table that is a shard of the vocabulary gives rows of zeros for the ids
// of other shards, so that the sum over all shards is the whole embedding; backward skips these
// ids.
void embedding_forward(Exec& exec, Tensor out, Tensor table, Tensor ids,
                       const VocabularyShard& shard = {});

// d_table [vocab, d] is accumulated and has d_out's compute_dtype(); d_out [rows, d].
void embedding_backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids,
                        const VocabularyShard& shard = {});

// The number of sorted rows per chunk; about 512 chunks at most, enough to fill a GPU.
constexpr int64_t embedding_chunk(int64_t rows) {
  const int64_t spread = (rows + 511) / 512;
  return spread <= 32 ? 32 : (spread + 7) / 8 * 8;
}

template <Backend, class T>
struct EmbeddingImpl {
  static void forward(Exec& exec, Tensor out, Tensor table, Tensor ids,
                      const VocabularyShard& shard);
  // Scratch, empty on the CPU: order int32 [2, 2 * rows], two lists of 64-bit keys; partial, of
  // d_table's dtype, [ceil(rows / embedding_chunk(rows)), d].
  static void backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids,
                       const VocabularyShard& shard, Tensor order, Tensor partial);
};

}  // namespace sy
