// SPDX-License-Identifier: Apache-2.0
#include "kernels/embedding/embedding.h"

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

void check(Tensor rows, Tensor table, Tensor ids, const VocabularyShard& shard) {
  SY_CHECK(table.rank() == 2 && rows.cols() == table.cols() && ids.numel() == rows.rows(),
           "embedding: rows {}, table {}, {} ids", rows.shape().str(), table.shape().str(),
           ids.numel());
  SY_CHECK(shard.first >= 0 && shard.first + table.dim(0) <= shard.ids(table.dim(0)),
           "embedding: ids {} to {} of {}", shard.first, shard.first + table.dim(0), shard.whole);
}

// An id outside the vocabulary would read out of bounds.
void check_ids(Tensor ids, int64_t vocab) {
  const int32_t* p = ids.data<int32_t>();
  for (int64_t i = 0; i < ids.numel(); ++i) {
    SY_CHECK(p[i] >= 0 && p[i] < vocab, "embedding: id {} at position {} of a vocabulary of {}",
             p[i], i, vocab);
  }
}

}  // namespace

void embedding_forward(Exec& exec, Tensor out, Tensor table, Tensor ids,
                       const VocabularyShard& shard) {
  check(out, table, ids, shard);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::embedding);
  if (exec.backend == Backend::cpu) check_ids(ids, shard.ids(table.dim(0)));
  dispatch_activations(exec, out.dtype(), "embedding", [&]<Backend B, class T>() {
    EmbeddingImpl<B, T>::forward(exec, out, table, ids, shard);
  });
}

void embedding_backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids,
                        const VocabularyShard& shard) {
  check(d_out, d_table, ids, shard);
  ScratchScope scratch(exec);
  Tensor order, partial;
  if (exec.backend == Backend::cuda) {
    const int64_t rows = ids.numel(), chunks = ceil_div(rows, embedding_chunk(rows));
    order = scratch.take(DType::i32, {2, 2 * rows}, "embedding order");
    partial = scratch.take(d_table.dtype(), {chunks, d_table.cols()}, "embedding chunks");
  }
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::embedding);
  if (exec.backend == Backend::cpu) check_ids(ids, shard.ids(d_table.dim(0)));
  dispatch_activations(exec, d_out.dtype(), "embedding", [&]<Backend B, class T>() {
    EmbeddingImpl<B, T>::backward(exec, d_table, d_out, ids, shard, order, partial);
  });
}

}  // namespace sy
