#include "lib/model/switch_model.h"

#include <algorithm>
#include <vector>

#include "kernels/elementwise.h"
#include "lib/model/embedding.h"
#include "lib/model/loss.h"
#include "lib/model/stack.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

void check_mesh(const ModelSection& model, const MeshShape& mesh) {
  if (mesh.model != 1) {
    throw ConfigError(
        fmt::format("mesh.model is {}, but matrices are not split over ranks: set mesh.model to 1",
                    mesh.model));
  }
  if (model.experts.count % mesh.expert != 0) {
    throw ConfigError(
        fmt::format("model.experts.count {} does not divide over mesh.expert {} ranks: choose a "
                    "mesh.expert that divides it",
                    model.experts.count, mesh.expert));
  }
}

// A batch of the planned size, without memory.
Batch planning_batch(const ModelShape& shape) {
  const int64_t b = shape.sequences, le = shape.encoder_length, ld = shape.decoder_length;
  const auto view = [](Shape dims) { return Tensor(nullptr, DType::i32, dims); };
  return {view({b, le}),  view({b, ld}), view({b, ld}), view({b * le}),
          view({b * ld}), view({b}),     view({b})};
}

// The block's ops check and measure without computing.
class PlanningScope {
 public:
  explicit PlanningScope(Exec& exec) : exec_(exec) { exec_.planning = true; }
  ~PlanningScope() { exec_.planning = false; }
  PlanningScope(const PlanningScope&) = delete;
  PlanningScope& operator=(const PlanningScope&) = delete;

 private:
  Exec& exec_;
};

Tensor flat(Tensor ids) {
  return ids.view({ids.numel()});
}

}  // namespace

struct SwitchModel::State {
  ModelSection model;
  ModelShape shape;
  Mesh& mesh;
  DType dtype;
  bool training;

  ParamStore params;
  StackParams encoder, decoder;
  LossParams loss;

  Arena values{"parameters"}, grads{"gradients"}, activations{"saved activations"};
  StackSaved encoder_saved, decoder_saved;
  Tensor d_encoded;  // [B * encoder length, d_model], summed over the decoder's blocks
  Tensor d_decoded;  // [B * decoder length, d_model]
  int64_t scratch_bytes = 0;

  Tensor loss_sum() const { return sums.slice(0, 1); }

  Arena statistics{"statistics"};
  RouterStats stats;
  Tensor sums;        // float64 [3]: of the loss, and the routers' two
  Tensor all_routed;  // int32 ones, where padding is routed

  State(const ModelSection& model_, ModelShape shape_, Mesh& mesh_, DType dtype_, bool training_);
  void plan();
  void plan_statistics();
  LayerContext context(Exec& exec, const Batch& batch, const StepContext& step, bool in_decoder);
  Tensor routed(Tensor valid);
  void check(const Batch& batch) const;
  void encode(Exec& exec, const Batch& batch, const StepContext& step);
  Tensor decode(Exec& exec, const Batch& batch, const StepContext& step);
  AttentionSource encoded(const Batch& batch) const;
};

SwitchModel::State::State(const ModelSection& model_, ModelShape shape_, Mesh& mesh_, DType dtype_,
                          bool training_)
    : model(model_),
      shape(shape_),
      mesh(mesh_),
      dtype(dtype_),
      training(training_),
      params(dtype_, mesh_.shape().expert, mesh_.expert_rank()) {
  check_mesh(model, mesh.shape());
  Param* const embedding = embedding_params(params, model);
  encoder = encoder_params(params, model, embedding);
  decoder = decoder_params(params, model, embedding, encoder);
  loss = loss_params(params, model, embedding);
}

// Measures the regions on the first call, carves them after they are allocated.
void SwitchModel::State::plan() {
  const int experts = mesh.shape().expert;
  const LayerDims encoder_dims{shape.sequences, shape.encoder_length, experts, dtype};
  const LayerDims decoder_dims{shape.sequences, shape.decoder_length, experts, dtype};
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
    d_decoded = activations.take(dtype, {decoder_dims.tokens(), model.d_model}, "d_decoder output");
  }
}

void SwitchModel::State::plan_statistics() {
  const Shape counts{decoder.end_sparse_layer, model.experts.count + 1};
  stats.counts = statistics.take(DType::i32, counts, "router counts");
  sums = statistics.take(DType::f64, {3}, "losses");
  stats.balance = sums.slice(1, 1);
  stats.z = sums.slice(2, 1);
  if (model.experts.convention == Convention::hugging_face) {
    const int64_t length = std::max(shape.encoder_length, shape.decoder_length);
    all_routed = statistics.take(DType::i32, {shape.sequences * length}, "routed");
  }
}

Tensor SwitchModel::State::routed(Tensor valid) {
  return all_routed.empty() ? valid : all_routed.slice(0, valid.numel());
}

LayerContext SwitchModel::State::context(Exec& exec, const Batch& batch, const StepContext& step,
                                         bool in_decoder) {
  return {.exec = exec,
          .mesh = mesh,
          .model = model,
          .step = step,
          .router_stats = stats,
          .sequences = batch.encoder_ids.dim(0),
          .length = in_decoder ? shape.decoder_length : shape.encoder_length,
          .valid = routed(in_decoder ? batch.decoder_valid : batch.encoder_valid),
          .lengths = in_decoder ? batch.decoder_lengths : batch.encoder_lengths,
          .stack_shares = in_decoder ? decoder_saved.shares : encoder_saved.shares};
}

void SwitchModel::State::check(const Batch& batch) const {
  const int64_t b = batch.encoder_ids.dim(0);
  const Shape encoder_shape{b, shape.encoder_length}, decoder_shape{b, shape.decoder_length};
  SY_CHECK(b <= shape.sequences && batch.encoder_ids.shape() == encoder_shape &&
               batch.decoder_ids.shape() == decoder_shape && batch.targets.shape() == decoder_shape,
           "batch {} -> {} for a model of {} sequences of {} -> {}",
           batch.encoder_ids.shape().str(), batch.decoder_ids.shape().str(), shape.sequences,
           shape.encoder_length, shape.decoder_length);
}

AttentionSource SwitchModel::State::encoded(const Batch& batch) const {
  return {encoder_saved.out.slice(0, batch.encoder_ids.numel()), batch.encoder_lengths};
}

void SwitchModel::State::encode(Exec& exec, const Batch& batch, const StepContext& step) {
  stack_forward(context(exec, batch, step, false), encoder, encoder_saved, flat(batch.encoder_ids),
                {});
}

// Both stacks forward; returns the decoder's output [B * decoder length, d_model].
Tensor SwitchModel::State::decode(Exec& exec, const Batch& batch, const StepContext& step) {
  check(batch);
  encode(exec, batch, step);
  return stack_forward(context(exec, batch, step, true), decoder, decoder_saved,
                       flat(batch.decoder_ids), encoded(batch));
}

// Moves the scratch's high-water mark to what a step needs, in both modes.
void SwitchModel::plan_step(Exec& exec) {
  State& s = *state_;
  const PlanningScope planning(exec);
  const Batch batch = planning_batch(s.shape);
  StepContext step;
  if (s.shape.decoder_length == 0) {
    step.training = false;
    encode(exec, batch, step);
    s.scratch_bytes = exec.scratch.high_water();
    return;
  }
  for (const bool train : {true, false}) {
    if (train && !s.training) continue;
    step.training = train;
    accumulate_forward(exec, batch, step);
    if (train) backward(exec, batch, step);
  }
  const Shape logits{s.shape.sequences, s.model.vocab_size.value};
  logits_at(exec, batch, step, 0, Tensor(nullptr, compute_dtype(s.dtype), logits));
  s.scratch_bytes = exec.scratch.high_water();
}

SwitchModel::SwitchModel(const ModelSection& model, ModelShape shape, Mesh& mesh, DType dtype,
                         bool training)
    : state_(std::make_unique<State>(model, shape, mesh, dtype, training)) {
  state_->plan();
  Exec exec;
  plan_step(exec);
}

SwitchModel::~SwitchModel() = default;

void SwitchModel::allocate(Exec& exec) {
  plan_step(exec);
  if (exec.scratch.capacity() == 0) exec.scratch.allocate(state_->scratch_bytes, exec.memory);
  State& s = *state_;
  for (Arena* arena : {&s.values, &s.grads, &s.activations, &s.statistics}) {
    arena->allocate(exec.memory);
  }
  s.plan();
  if (s.all_routed.empty()) return;
  std::vector<int32_t> ones(static_cast<size_t>(s.all_routed.numel()), 1);
  upload(exec, s.all_routed, Tensor(ones.data(), DType::i32, s.all_routed.shape()));
}

SwitchModel::Memory SwitchModel::memory() const {
  return {state_->values.bytes(), state_->grads.bytes(), state_->activations.bytes(),
          state_->scratch_bytes};
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

Tensor SwitchModel::step_sums() {
  return state_->sums;
}

void SwitchModel::clear_stats(Exec& exec) {
  fill_zero(exec, state_->stats.counts);
  fill_zero(exec, state_->sums);
}

void SwitchModel::accumulate_forward(Exec& exec, const Batch& batch, const StepContext& step) {
  State& s = *state_;
  SY_CHECK(s.training || !step.training, "a model planned without gradients cannot train");
  const Tensor h = s.decode(exec, batch, step);
  const Tensor d_h = step.training ? s.d_decoded.slice(0, h.rows()) : Tensor();
  loss_forward(s.context(exec, batch, step, true), s.loss, s.loss_sum(), d_h, h,
               flat(batch.targets));
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
  const AttentionSource memory = s.encoded(batch);
  const Tensor d_encoded = s.d_encoded.slice(0, batch.encoder_ids.numel());
  const Tensor d_decoded = s.d_decoded.slice(0, batch.decoder_ids.numel());
  fill_zero(exec, d_encoded);
  stack_backward(s.context(exec, batch, step, true), s.decoder, s.decoder_saved, d_decoded,
                 d_encoded, flat(batch.decoder_ids), memory, progress);
  stack_backward(s.context(exec, batch, step, false), s.encoder, s.encoder_saved, d_encoded, {},
                 flat(batch.encoder_ids), {}, progress);
  progress.complete_from(0);
}

void SwitchModel::logits_at(Exec& exec, const Batch& batch, const StepContext& step,
                            int64_t position, Tensor logits) {
  State& s = *state_;
  SY_CHECK(!step.training && position >= 0 && position < s.shape.decoder_length,
           "logits at position {} of {}", position, s.shape.decoder_length);
  const Tensor h = s.decode(exec, batch, step);
  const int64_t sequences = batch.decoder_ids.dim(0);
  ScratchScope scratch(exec);
  const Tensor rows = scratch.take(s.dtype, {sequences, s.model.d_model}, "rows of the position");
  for (int64_t b = 0; b < sequences; ++b) {
    copy(exec, rows.slice(b, 1), h.slice(b * s.shape.decoder_length + position, 1));
  }
  output_logits(s.context(exec, batch, step, true), s.loss, logits, rows);
}

AttentionSource SwitchModel::encode(Exec& exec, const Batch& batch, const StepContext& step) {
  State& s = *state_;
  const int64_t b = batch.encoder_ids.dim(0);
  SY_CHECK(!step.training && b <= s.shape.sequences &&
               batch.encoder_ids.dim(1) == s.shape.encoder_length,
           "encoding {} with a model of {} sequences of {}", batch.encoder_ids.shape().str(),
           s.shape.sequences, s.shape.encoder_length);
  s.encode(exec, batch, step);
  return s.encoded(batch);
}

}  // namespace sy
