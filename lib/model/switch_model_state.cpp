// SPDX-License-Identifier: Apache-2.0
#include "lib/model/switch_model_state.h"

#include <algorithm>

#include "lib/config/config.h"
#include "lib/model/embedding.h"

namespace sy {
namespace {

void check_mesh(const ModelSection& model, const ModelShape& shape, const MeshShape& mesh) {
  SharedSizes sizes{.spread = mesh.expert > 1};
  if (shape.sequence_parallel) {
    sizes.encoder_rows = shape.sequences * shape.encoder_length;
    sizes.decoder_rows = shape.sequences * shape.decoder_length;
  }
  std::vector<std::string> errors = find_shard_errors(model, mesh.model, sizes);
  if (model.experts.count % mesh.expert != 0) {
    errors.push_back(fmt::format(
        "model.experts.count {} is not divisible by mesh.expert {}: choose a mesh.expert that "
        "divides it",
        model.experts.count, mesh.expert));
  }
  throw_errors(errors);
}

}  // namespace

SwitchModel::State::State(const ModelSection& model_, ModelShape shape_, Mesh& mesh_, DType dtype_,
                          bool training_, UpdatedBy updated_by)
    : model(model_),
      shape(shape_),
      mesh(mesh_),
      pass_mesh(&mesh_),
      dtype(dtype_),
      training(training_),
      params(dtype_, mesh_.place(), updated_by, shape_.sequence_parallel) {
  check_mesh(model, shape, mesh.shape());
  Param* const embedding = embedding_params(params, model);
  encoder = stack_params(params, model, encoder_spec(model, embedding), layers);
  decoder = stack_params(params, model, decoder_spec(model, embedding), layers);
  loss = loss_params(params, model, embedding);
}

void SwitchModel::State::plan() {
  const int experts = mesh.shape().expert, shards = mesh.shape().model;
  const auto dims = [&](Stack stack, int64_t length) {
    return LayerDims{shape.sequences,         length, experts, dtype, shards, shape.recompute,
                     shape.sequence_parallel, stack};
  };
  const LayerDims encoder_dims = dims(Stack::encoder, shape.encoder_length);
  const LayerDims decoder_dims = dims(Stack::decoder, shape.decoder_length);
  if (training) {
    params.plan(values, grads);
  } else {
    params.plan_values(values);
  }
  plan_statistics();
  encoder_saved = stack_plan(activations, model, encoder, encoder_dims, shape.encoder_length);
  if (shape.decoder_length == 0) return;
  decoder_saved = stack_plan(activations, model, decoder, decoder_dims, shape.encoder_length);
  if (training) {
    d_encoded = activations.take(dtype, {encoder_dims.tokens(), model.d_model}, "d_encoder output");
    d_decoded =
        activations.take(dtype, {decoder_dims.stream_rows(), model.d_model}, "d_decoder output");
  }
}

void SwitchModel::State::plan_statistics() {
  const Shape counts{layers.routed_layers, model.experts.count + 1};
  stats.counts = statistics.take(DType::i32, counts, "router counts");
  constexpr int64_t kSums = 4;
  const Shape confidence{layers.routed_layers, 3};
  const int64_t choice = has_choice_losses(model.experts) ? kChoiceLosses : 0;
  const int64_t soft = has_teacher ? 1 : 0, fixed = kSums + confidence.numel();
  sums = statistics.take(DType::f64, {fixed + choice + soft}, "losses");
  stats.confidence = sums.slice(kSums, confidence.numel()).view(confidence);
  stats.choice = sums.slice(fixed, choice);
  soft_sum = sums.slice(fixed + choice, soft);
  stats.balance = sums.slice(1, 1);
  stats.z = sums.slice(2, 1);
  if (model.experts.convention == Convention::hugging_face) {
    const int64_t length = std::max(shape.encoder_length, shape.decoder_length);
    all_routed = statistics.take(DType::i32, {shape.sequences * length}, "routed");
  }
}

// A decoder's group counts for as many of the encoder's as the global batch has for each.
double SwitchModel::State::group_weight(const Batch& batch, Stack stack) const {
  if (stack == Stack::encoder || shape.decoder_length == 0) return 1.0;
  const int64_t inputs = batch.streams[kEncoder].ids.dim(1), targets = batch.targets.dim(1);
  const auto tokens = [&](Stack of, int64_t length) {
    return static_cast<double>(group_tokens(model.experts, of, length));
  };
  return static_cast<double>(inputs) * tokens(Stack::decoder, targets) /
         (static_cast<double>(targets) * tokens(Stack::encoder, inputs));
}

Tensor SwitchModel::State::routed(Tensor valid) {
  return all_routed.empty() ? valid : all_routed.slice(0, valid.numel());
}

LayerContext SwitchModel::State::context(Exec& exec, const Batch& batch, const StepContext& step,
                                         size_t stream) {
  const TokenStream& tokens = batch.streams[stream];
  const Stack stack = stream == decoder.stream ? Stack::decoder : Stack::encoder;
  const StackSaved& saved = stack == Stack::decoder ? decoder_saved : encoder_saved;
  return {.exec = exec,
          .mesh = *pass_mesh,
          .model = model,
          .step = step,
          .sequences = batch.sequences(),
          .length = tokens.ids.dim(1),
          .valid = routed(tokens.valid),
          .lengths = tokens.lengths,
          .stack_shares = saved.shares,
          .sequence_parallel = shape.sequence_parallel,
          .stack = stack,
          .group_weight = group_weight(batch, stack),
          .ids = flat(tokens.ids),
          .ranges = tokens.ranges,
          .other_ranges = tokens.other_ranges};
}

void SwitchModel::State::check(const Batch& batch) const {
  const int64_t b = batch.sequences();
  const Tensor encoder_ids = batch.streams[kEncoder].ids, decoder_ids = batch.streams[kDecoder].ids;
  SY_CHECK(b <= shape.sequences && shape.lengths(kEncoder).has(encoder_ids.dim(1)) &&
               shape.lengths(kDecoder).has(decoder_ids.dim(1)) && decoder_ids.dim(0) == b &&
               batch.targets.shape() == decoder_ids.shape(),
           "batch {} -> {} for a model of {} sequences of {} -> {}", encoder_ids.shape().str(),
           decoder_ids.shape().str(), shape.sequences, shape.encoder_length, shape.decoder_length);
}

AttentionSource SwitchModel::State::encoded(const Batch& batch) const {
  const TokenStream& source = batch.streams[kEncoder];
  return {encoder_saved.out.slice(0, source.ids.numel()), source.lengths, source.other_ranges};
}

void SwitchModel::State::encode(Exec& exec, const Batch& batch, const StepContext& step,
                                RouterStats* counted, const ValuesNeeded& needed) {
  stack_forward(context(exec, batch, step, kEncoder), encoder, encoder_saved,
                flat(batch.streams[kEncoder].ids), {}, counted, needed);
}

Tensor SwitchModel::State::decode(Exec& exec, const Batch& batch, const StepContext& step,
                                  RouterStats* counted, const ValuesNeeded& needed) {
  check(batch);
  encode(exec, batch, step, counted, needed);
  return stack_forward(context(exec, batch, step, kDecoder), decoder, decoder_saved,
                       flat(batch.streams[kDecoder].ids), encoded(batch), counted, needed);
}

}  // namespace sy
