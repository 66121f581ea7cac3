// Token embedding: rows of a table by id. The gradient is deterministic: no atomics, each thread
// owns a slice of the columns and adds the rows in order.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// out [rows, d] is overwritten; table [vocab, d], both of one dtype, bfloat16 among them; ids int32
// [rows], each in [0, vocab). Both throw InternalError for an id outside.
void embedding_forward(Exec& exec, Tensor out, Tensor table, Tensor ids);

// d_table [vocab, d], of d_out's compute_dtype(), is accumulated; d_out [rows, d].
void embedding_backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids);

template <Backend, class T>
struct EmbeddingImpl {
  static void forward(Exec& exec, Tensor out, Tensor table, Tensor ids);
  static void backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids);
};

}  // namespace sy
