// SPDX-License-Identifier: Apache-2.0
#include "lib/model/model_axis.h"

#include "kernels/elementwise/elementwise.h"
#include "lib/base/numeric.h"
#include "lib/model/linear.h"

namespace sy {

void sum_over_model(Exec& exec, Mesh& mesh, Tensor tensor, const char* label) {
  if (mesh.shape().model == 1) return;
  const DType exact = compute_dtype(tensor.dtype());
  ScratchScope scratch(exec);
  Tensor sum = tensor;
  if (tensor.dtype() != exact) {
    sum = scratch.take(exact, tensor.shape(), "sum over the model ranks");
    cast(exec, sum, tensor);
  }
  {
    const ProfileScope profile(exec.profiler, Part::communication);
    mesh.model().all_reduce_sum(sum, label);
  }
  if (tensor.dtype() != exact) cast(exec, tensor, sum);
}

Tensor room_for_all(const LayerContext& context, ScratchScope& scratch, Tensor mine) {
  if (!context.cuts_stream()) return mine;
  return scratch.take(mine.dtype(), {context.tokens(), mine.cols()}, "rows of all model ranks");
}

Tensor room_for_own(const LayerContext& context, ScratchScope& scratch, Tensor whole) {
  if (!context.cuts_stream()) return whole;
  return scratch.take(whole.dtype(), {context.stream_rows(), whole.cols()}, "rows of this rank");
}

Tensor gather_stream(const LayerContext& context, Tensor room, Tensor mine, const char* label) {
  if (!context.cuts_stream()) return mine;
  const ProfileScope profile(context.exec.profiler, Part::communication);
  context.mesh.model().all_gather(room, mine, label);
  return room;
}

void sum_to_stream(const LayerContext& context, Tensor mine, Tensor room, const char* label) {
  if (!context.cuts_stream()) return sum_over_model(context, mine, label);
  Exec& exec = context.exec;
  const DType exact = compute_dtype(mine.dtype());
  const bool rounded = exact != mine.dtype();
  ScratchScope scratch(exec);
  const Tensor terms = rounded ? scratch.take(exact, room.shape(), "exact rows") : room;
  const Tensor sum = rounded ? scratch.take(exact, mine.shape(), "sum of rows") : mine;
  if (rounded) cast(exec, terms, room);
  {
    const ProfileScope profile(exec.profiler, Part::communication);
    context.mesh.model().reduce_scatter_sum(sum, terms, label);
  }
  if (rounded) cast(exec, mine, sum);
}

void keep_own_rows(const LayerContext& context, Tensor mine, Tensor room) {
  if (!context.cuts_stream()) return;
  const int64_t first = context.first_stream_row() - context.first_row();
  copy(context.exec, mine, room.slice(first, context.stream_rows()));
}

bool sends_columns(const MeshShape& mesh) {
  return mesh.model > 1 && mesh.expert > 1;
}

int64_t sent_columns(const MeshShape& mesh, int64_t d_model) {
  return sends_columns(mesh) ? div_exact(d_model, int64_t{mesh.model}) : d_model;
}

void take_columns(const LayerContext& context, Tensor mine, Tensor whole) {
  const int64_t cols = mine.cols();
  copy_columns(context.exec, mine, 0, whole, context.mesh.model_rank() * cols, cols);
}

void gather_columns(const LayerContext& context, Tensor whole, Tensor mine, const char* label) {
  Communicator& ranks = context.mesh.model();
  const int64_t cols = mine.cols();
  ScratchScope scratch(context.exec);
  const Tensor all =
      scratch.take(mine.dtype(), {ranks.size(), mine.rows(), cols}, "columns of the model ranks");
  {
    const ProfileScope profile(context.exec.profiler, Part::communication);
    ranks.all_gather(all, mine, label);
  }
  for (int rank = 0; rank < ranks.size(); ++rank) {
    copy_columns(context.exec, whole, rank * cols, all.at(rank), 0, cols);
  }
}

// The two differ by a transposition of rank and rows: [M, rows, c] here, [rows, M c] there.
void stream_to_columns(const LayerContext& context, Tensor mine, Tensor stream, const char* label) {
  if (!context.cuts_stream()) return take_columns(context, mine, stream);
  Communicator& ranks = context.mesh.model();
  const int64_t rows = stream.rows(), cols = mine.cols();
  ScratchScope scratch(context.exec);
  const Tensor blocks =
      scratch.take(mine.dtype(), {ranks.size(), rows, cols}, "columns for the model ranks");
  for (int rank = 0; rank < ranks.size(); ++rank) {
    copy_columns(context.exec, blocks.at(rank), 0, stream, rank * cols, cols);
  }
  const ProfileScope profile(context.exec.profiler, Part::communication);
  ranks.all_to_all(mine.view(blocks.shape()), blocks, label);
}

void columns_to_stream(const LayerContext& context, Tensor stream, Tensor mine, const char* label) {
  if (!context.cuts_stream()) return gather_columns(context, stream, mine, label);
  Communicator& ranks = context.mesh.model();
  const int64_t rows = stream.rows(), cols = mine.cols();
  ScratchScope scratch(context.exec);
  const Tensor blocks =
      scratch.take(mine.dtype(), {ranks.size(), rows, cols}, "columns of the model ranks");
  {
    const ProfileScope profile(context.exec.profiler, Part::communication);
    ranks.all_to_all(blocks, mine.view(blocks.shape()), label);
  }
  for (int rank = 0; rank < ranks.size(); ++rank) {
    copy_columns(context.exec, stream, rank * cols, blocks.at(rank), 0, cols);
  }
}

void sum_to_columns(const LayerContext& context, Tensor mine, Tensor partial, const char* label) {
  Exec& exec = context.exec;
  Communicator& ranks = context.mesh.model();
  const int64_t rows = mine.rows(), cols = mine.cols();
  const DType exact = compute_dtype(mine.dtype());
  const bool rounded = exact != mine.dtype();
  ScratchScope scratch(exec);
  const Tensor blocks =
      scratch.take(exact, {ranks.size(), rows, cols}, "columns for the model ranks");
  const Tensor terms = rounded ? scratch.take(exact, partial.shape(), "exact columns") : partial;
  const Tensor sum = rounded ? scratch.take(exact, mine.shape(), "sum of columns") : mine;
  if (rounded) cast(exec, terms, partial);
  for (int rank = 0; rank < ranks.size(); ++rank) {
    copy_columns(exec, blocks.at(rank), 0, terms, rank * cols, cols);
  }
  {
    const ProfileScope profile(exec.profiler, Part::communication);
    ranks.reduce_scatter_sum(sum, blocks, label);
  }
  if (rounded) cast(exec, mine, sum);
}

void sharded_residual_forward(const LayerContext& context, Tensor out, Tensor x, Tensor h,
                              const Param& w, const Dropout& dropout, const char* label) {
  Exec& exec = context.exec;
  if (context.mesh.shape().model == 1) {
    return linear_residual_forward(exec, out, x, h, w, dropout);
  }
  ScratchScope scratch(exec);
  const Tensor room = room_for_all(context, scratch, out);
  linear_forward(exec, room, h, w);
  sum_to_stream(context, out, room, label);
  residual_dropout_forward(exec, out, x, out, dropout);
}

Param* norm_params(ParamStore& store, const std::string& name, int64_t d_model) {
  return store.add(name, {d_model}, Placement::replicated(), {Init::Kind::ones},
                   {.reads = Reads::master, .rows = GradRows::stream});
}

}  // namespace sy
