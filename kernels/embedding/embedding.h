// Token embedding: rows of a table by id. The gradient is deterministic, without atomics: on the
// CPU each thread owns a slice of the columns and adds the rows in order; on CUDA rows are sorted
// by id, and sorted rows are summed a chunk at a time.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// out [rows, d] is overwritten; table [vocab, d], both of one dtype, bfloat16 among them; ids int32
// [rows], each in [0, vocab). For an id outside both throw InternalError on the CPU; on CUDA, where
// ids are not looked at beforehand, the row of out becomes NaN, and backward leaves the row out.
void embedding_forward(Exec& exec, Tensor out, Tensor table, Tensor ids);

// d_table [vocab, d], of d_out's compute_dtype(), is accumulated; d_out [rows, d].
void embedding_backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids);

// Rows of a chunk of the sorted rows: at most some 512 chunks, enough to fill a GPU.
constexpr int64_t embedding_chunk(int64_t rows) {
  const int64_t spread = (rows + 511) / 512;
  return spread <= 32 ? 32 : (spread + 7) / 8 * 8;
}

template <Backend, class T>
struct EmbeddingImpl {
  static void forward(Exec& exec, Tensor out, Tensor table, Tensor ids);
  // Scratch of CUDA's: order int32 [2, 2 * rows], two lists of 64-bit keys; partial, of d_table's
  // dtype, [ceil(rows / embedding_chunk(rows)), d]. Both are empty on the CPU.
  static void backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids, Tensor order,
                       Tensor partial);
};

}  // namespace sy
