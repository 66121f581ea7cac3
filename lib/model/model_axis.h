// SPDX-License-Identifier: Apache-2.0
// Where the ranks of a model group communicate inside a layer (docs/parallelism.md). They see the
// same tokens and hold shards of the same matrices. Between its column-sharded and its row-sharded
// product a layer needs no message; around the two it needs a pair of them (Shoeybi et al. 2019,
// "Megatron-LM", f and g):
//   into the shards    forward: nothing, each rank has the whole input
//                      backward: sum_over_model() of the input's gradient
//   out of the shards  forward: sum_over_model() of the output
//                      backward: nothing, each rank has the whole gradient of the output
// What is added to such a sum, a residual for example, is added after it.
//
// With mesh.sequence_parallel the residual stream, the norms and dropout between the two products
// are shared out by rows (Korthikanti et al. 2022): a rank holds stream_rows() of the T rows of a
// micro-batch. The sums then give each rank the rows that are its own, and what goes into the
// shards is gathered first:
//   into the shards    forward: gather_stream();  backward: sum_to_stream() of the input's gradient
//   out of the shards  forward: sum_to_stream();  backward: gather_stream() of the gradient
// Without it the stream is whole on every rank, gathering is nothing, and the sums are those above.
//
// Where experts are spread over ranks, each model rank sends its 1/M of the columns of a row, never
// the same row M times (Shazeer et al. 2018, "Mesh-TensorFlow", whose layouts split d_model). The
// group gathers the columns of the rows that arrive, and sums what returns column by column.
#pragma once

#include <string>

#include "lib/dist/mesh.h"
#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

// tensor = the sum of tensor over the model ranks, with the same bits on each of them. A bfloat16
// tensor is summed in float32. With one model rank, nothing is done.
void sum_over_model(Exec& exec, Mesh& mesh, Tensor tensor, const char* label);
inline void sum_over_model(const LayerContext& context, Tensor tensor, const char* label) {
  sum_over_model(context.exec, context.mesh, tensor, label);
}

// Room for all T rows of a tensor of which a rank holds `mine` [stream_rows(), cols]: taken from
// `scratch`, or `mine` itself where the stream is whole.
Tensor room_for_all(const LayerContext& context, ScratchScope& scratch, Tensor mine);
// Room for this rank's rows of `whole` [T, cols]: taken from `scratch`, or `whole` itself.
Tensor room_for_own(const LayerContext& context, ScratchScope& scratch, Tensor whole);
// The rows of all model ranks, in room [T, cols], which is overwritten; where the stream is whole,
// `mine`, and room is left alone.
Tensor gather_stream(const LayerContext& context, Tensor room, Tensor mine, const char* label);
// Overwrites mine [stream_rows(), cols] with those rows of the sum over the model ranks of
// room [T, cols], as sum_over_model() takes it. Where the stream is whole, room must be mine.
void sum_to_stream(const LayerContext& context, Tensor mine, Tensor room, const char* label);
// Overwrites mine [stream_rows(), cols] with its rows of room [T, cols], which every model rank
// has. Where the stream is whole, room must be mine.
void keep_own_rows(const LayerContext& context, Tensor mine, Tensor room);

// Whether rows travel to their experts by columns: model ranks and expert ranks are several.
bool sends_columns(const MeshShape& mesh);
// The columns of a [..., d_model] row that a rank sends: d_model / M of them, or all.
int64_t sent_columns(const MeshShape& mesh, int64_t d_model);

// With c = d_model / M columns of each rank, those of model rank r from r c on:
// mine [T, c] = this rank's columns of the T rows whose stream is stream [stream_rows(), d_model]
void stream_to_columns(const LayerContext& context, Tensor mine, Tensor stream, const char* label);
// and back: overwrites stream from the columns of all model ranks
void columns_to_stream(const LayerContext& context, Tensor stream, Tensor mine, const char* label);
// mine [R, c] = this rank's columns of whole [R, d_model]
void take_columns(const LayerContext& context, Tensor mine, Tensor whole);
// whole [R, d_model] = the columns of all model ranks, each of which has its own in mine [R, c]
void gather_columns(const LayerContext& context, Tensor whole, Tensor mine, const char* label);
// mine [R, c] = this rank's columns of the sum over the model ranks of partial [R, d_model]; summed
// as in sum_over_model()
void sum_to_columns(const LayerContext& context, Tensor mine, Tensor partial, const char* label);

// The last product of a sub-layer with its residual: out = x + dropout(h w), where the rows of w
// and the columns of h [T, ...] are sharded; out and x are [stream_rows(), d_model]. As
// linear_residual_forward() of linear.h, which it is with one model rank; with more, the residual
// is added after the sum.
void sharded_residual_forward(const LayerContext& context, Tensor out, Tensor x, Tensor h,
                              const Param& w, const Dropout& dropout, const char* label);

// Declares the weights of a norm of the residual stream: [d_model], ones.
Param* norm_params(ParamStore& store, const std::string& name, int64_t d_model);

}  // namespace sy
