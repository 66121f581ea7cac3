// SPDX-License-Identifier: Apache-2.0
#include "lib/model/switch_model.h"

#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "lib/model/model_axis.h"
#include "lib/model/switch_model_state.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

// A batch of the planned number of sequences, without memory.
Batch planning_batch(const ModelShape& shape, int64_t encoder_length, int64_t decoder_length) {
  Batch batch;
  place_batch(batch, {shape.sequences, {encoder_length, decoder_length}}, nullptr);
  return batch;
}

// For each length below the full one a batch that has it in one stack, and the full one in the
// other. No product depends on both lengths.
std::vector<Batch> shorter_batches(const ModelShape& shape) {
  std::vector<Batch> batches;
  const auto add = [&](size_t stream, auto&& batch_of) {
    const StepLengths lengths = shape.lengths(stream);
    for (int64_t n = lengths.unit; n > 0 && n < lengths.full; n += lengths.unit) {
      batches.push_back(batch_of(n));
    }
  };
  add(kEncoder, [&](int64_t n) { return planning_batch(shape, n, shape.decoder_length); });
  add(kDecoder, [&](int64_t n) { return planning_batch(shape, shape.encoder_length, n); });
  return batches;
}

}  // namespace

SwitchModel::SwitchModel(const ModelSection& model, ModelShape shape, Mesh& mesh, DType dtype,
                         bool training, UpdatedBy updated_by)
    : state_(std::make_unique<State>(model, shape, mesh, dtype, training, updated_by)) {}

SwitchModel::~SwitchModel() = default;

void SwitchModel::plan(Exec& exec, const SoftTargets* soft) {
  State& s = *state_;
  SY_CHECK(!s.planned, "a model is planned once");
  s.has_teacher = soft != nullptr;
  s.plan();
  s.planned = true;
  for (const Batch& shorter : shorter_batches(s.shape)) {
    s.training ? plan_training(exec, shorter, soft) : plan_evaluation(exec, shorter);
  }
  const Batch batch = planning_batch(s.shape, s.shape.encoder_length, s.shape.decoder_length);
  if (s.training) plan_training(exec, batch, soft);
  plan_evaluation(exec, batch);
  s.scratch_bytes = exec.scratch.high_water();
}

// Both raise the high-water mark of the scratch to what their passes need.
void SwitchModel::plan_training(Exec& exec, const Batch& batch, const SoftTargets* soft) {
  State& s = *state_;
  const StepContext step;
  // The first micro-batch of a step overwrites gradients, the others accumulate.
  s.params.discard_gradients();
  for (int micro_batch = 0; micro_batch < 2; ++micro_batch) {
    const State::PlanningPass planning(s, exec);
    exec.state<PlannedGemms>() = {};
    accumulate_forward(exec, batch, step, {}, soft);
    backward(exec, batch, step);
    s.params.clear_stale_gradients(exec);
    s.traffic = planning.traffic();
    s.products = exec.state<PlannedGemms>();
  }
}

void SwitchModel::plan_evaluation(Exec& exec, const Batch& batch) {
  State& s = *state_;
  const State::PlanningPass planning(s, exec);
  StepContext step;
  step.training = false;
  if (s.shape.decoder_length == 0) {
    encode(exec, batch, step);
    return;
  }
  if (!s.training) {
    s.decode(exec, batch, step);
    s.traffic = planning.traffic();
  }
  accumulate_forward(exec, batch, step);
  const Shape logits{s.shape.sequences, s.model.vocab_size.value};
  logits_at(exec, batch, step, 0, Tensor(nullptr, compute_dtype(s.dtype), logits));
}

void SwitchModel::allocate(Exec& exec) {
  State& s = *state_;
  if (!s.planned) plan(exec);
  if (exec.scratch.capacity() == 0) {
    exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  }
  for (Arena* arena : {&s.values, &s.grads, &s.activations, &s.statistics}) {
    arena->allocate(exec.memory);
  }
  s.plan();
  if (s.all_routed.empty()) return;
  std::vector<int32_t> ones(static_cast<size_t>(s.all_routed.numel()), 1);
  upload(exec, s.all_routed, Tensor(ones.data(), DType::i32, s.all_routed.shape()));
}

SwitchModel::Memory SwitchModel::memory() const {
  const State& s = *state_;
  SY_CHECK(s.planned, "the memory of a model that was not planned");
  return {s.values.bytes(), s.grads.bytes(), s.activations.bytes(), s.scratch_bytes};
}

const Traffic& SwitchModel::traffic() const {
  SY_CHECK(state_->planned, "the traffic of a model that was not planned");
  return state_->traffic;
}

const PlannedGemms& SwitchModel::planned_products() const {
  SY_CHECK(state_->planned, "the products of a model that was not planned");
  return state_->products;
}

bool SwitchModel::planned() const {
  return state_->planned;
}
ParamStore& SwitchModel::params() {
  return state_->params;
}
const ModelSection& SwitchModel::config() const {
  return state_->model;
}
const ModelShape& SwitchModel::shape() const {
  return state_->shape;
}
RouterStats& SwitchModel::router_stats() {
  return state_->stats;
}
const StackParams& SwitchModel::decoder() const {
  return state_->decoder;
}
const LossParams& SwitchModel::output() const {
  return state_->loss;
}
Mesh& SwitchModel::mesh() {
  return state_->mesh;
}

Tensor SwitchModel::loss_sum() {
  return state_->loss_sum();
}

Tensor SwitchModel::logit_z_sum() {
  return state_->logit_z_sum();
}

Tensor SwitchModel::soft_sum() {
  return state_->soft_sum;
}

Tensor SwitchModel::step_sums() {
  return state_->sums;
}

void SwitchModel::clear_stats(Exec& exec) {
  fill_zero(exec, state_->stats.counts);
  fill_zero(exec, state_->sums);
}

void SwitchModel::accumulate_forward(Exec& exec, const Batch& batch, const StepContext& step,
                                     const ValuesNeeded& needed, const SoftTargets* soft) {
  State& s = *state_;
  SY_CHECK(s.training || !step.training, "a model planned without gradients cannot train");
  SY_CHECK(soft == nullptr || (s.has_teacher && step.training),
           "targets of a teacher that were not planned");
  const Tensor h = s.decode(exec, batch, step, &s.stats, needed);
  if (needed) needed(static_cast<int>(s.params.all().size()));
  const LayerContext context = s.context(exec, batch, step, kDecoder);
  const Tensor d_h = step.training ? s.d_decoded.slice(0, context.stream_rows()) : Tensor();
  constexpr int64_t kChunkRows = 0;  // loss_rows()
  loss_forward(context, s.loss, {s.loss_sum(), s.logit_z_sum(), s.soft_sum}, d_h, h,
               flat(batch.targets), kChunkRows, soft == nullptr ? SoftTargets{} : *soft);
}

double SwitchModel::forward(Exec& exec, const Batch& batch, const StepContext& step) {
  fill_zero(exec, state_->loss_sum());
  accumulate_forward(exec, batch, step);
  return read_number(exec, state_->loss_sum());
}

void SwitchModel::backward(Exec& exec, const Batch& batch, const StepContext& step,
                           const GradReady& ready) {
  State& s = *state_;
  SY_CHECK(step.training, "backward follows a training forward");
  GradProgress progress(ready, static_cast<int>(s.params.all().size()));
  const AttentionSource encoder_output = s.encoded(batch);
  const Tensor encoder_ids = flat(batch.streams[kEncoder].ids);
  const Tensor decoder_ids = flat(batch.streams[kDecoder].ids);
  const LayerContext in_encoder = s.context(exec, batch, step, kEncoder);
  const LayerContext in_decoder = s.context(exec, batch, step, kDecoder);
  const Tensor d_encoded = s.d_encoded.slice(0, encoder_ids.numel());
  const Tensor d_decoded = s.d_decoded.slice(0, in_decoder.stream_rows());
  fill_zero(exec, d_encoded);
  stack_backward(in_decoder, s.decoder, s.decoder_saved, d_decoded, d_encoded, decoder_ids,
                 encoder_output, progress);
  ScratchScope scratch(exec);
  const Tensor d_rows = room_for_own(in_encoder, scratch, d_encoded);
  sum_to_stream(in_encoder, d_rows, d_encoded, "encoder output gradient");
  stack_backward(in_encoder, s.encoder, s.encoder_saved, d_rows, {}, encoder_ids, {}, progress);
  progress.complete_from(0);
}

void SwitchModel::update_router_biases(Exec& exec, Tensor apply) {
  State& s = *state_;
  for (const StackParams* stack : {&s.encoder, &s.decoder}) {
    for (const BlockParams& block : stack->blocks) {
      block_update_biases(exec, s.model, block, s.stats.counts, apply);
    }
  }
}

void SwitchModel::logits_at(Exec& exec, const Batch& batch, const StepContext& step,
                            int64_t position, Tensor logits) {
  State& s = *state_;
  SY_CHECK(!step.training && position >= 0 && position < batch.targets.dim(1),
           "logits at position {} of {}", position, batch.targets.dim(1));
  const Tensor h = s.decode(exec, batch, step);
  const int64_t sequences = batch.sequences(), length = batch.targets.dim(1);
  ScratchScope scratch(exec);
  const Tensor rows = scratch.take(s.dtype, {sequences, s.model.d_model}, "rows of the position");
  for (int64_t b = 0; b < sequences; ++b) {
    copy(exec, rows.slice(b, 1), h.slice(b * length + position, 1));
  }
  output_logits(s.context(exec, batch, step, kDecoder), s.loss, logits, rows);
}

Tensor SwitchModel::decoder_output(Exec& exec, const Batch& batch, const StepContext& step) {
  SY_CHECK(!step.training, "the decoder's output alone has no backward pass");
  return state_->decode(exec, batch, step);
}

AttentionSource SwitchModel::encode(Exec& exec, const Batch& batch, const StepContext& step) {
  State& s = *state_;
  const Tensor ids = batch.streams[kEncoder].ids;
  SY_CHECK(
      !step.training && ids.dim(0) <= s.shape.sequences && ids.dim(1) == s.shape.encoder_length,
      "encoding {} with a model of {} sequences of {}", ids.shape().str(), s.shape.sequences,
      s.shape.encoder_length);
  s.encode(exec, batch, step);
  return s.encoded(batch);
}

}  // namespace sy
