// SPDX-License-Identifier: Apache-2.0
#include "lib/model/decode.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "kernels/rms_norm/rms_norm.h"
#include "lib/base/numeric.h"
#include "lib/base/token_ids.h"
#include "lib/config/config.h"
#include "lib/dist/planning.h"
#include "lib/model/embedding.h"
#include "lib/model/loss.h"
#include "lib/model/stack.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

ModelSection dropless(ModelSection model) {
  model = without_draws(model);
  model.experts.capacity = CapacityMode::dropless;
  model.experts.group_sequences = 1;
  model.experts.group_tokens = {};
  return model;
}

// The number of rows that a step computes for `rows` sequences: rounded up to three leading bits,
// at most `most`. GEMM primitives are cached by shape, and without this every sequence that ends
// would bring a new one.
int64_t computed_rows(int64_t rows, int64_t most) {
  constexpr int kLeadingBits = 3;
  const int shift =
      std::max(0, static_cast<int>(std::bit_width(static_cast<uint64_t>(rows))) - kLeadingBits);
  return std::min(most, round_up(rows, int64_t{1} << shift));
}

}  // namespace

// The inputs of a step besides the caches.
struct StepInputs {
  Tensor ids, valid;  // int32 [rows]
  KeyPlaces self, cross;
};

struct Decoder::State {
  SwitchModel& owner;
  DecodeShape shape;
  ModelSection model;
  const StackParams& decoder;
  const LossParams& output;
  DType dtype;
  StepContext step;
  Mesh* pass_mesh;  // that of the owner, or the planned mesh while planning
  bool planned = false;

  Arena arena{"decoding"}, host_arena{"decoding, the host's numbers"};
  std::vector<BlockCache> blocks;
  StepInputs host;                    // as prepared on the host
  KeyPlaces spare_self, spare_cross;  // on the host, for select()
  StepInputs inputs;                  // copy in the exec's memory
  Tensor embedded, rstd, normed;      // [rows, d_model], [rows], [rows, d_model]
  Tensor logits;                      // [rows, vocabulary]
  int64_t sequences = 0, position = 0;

  State(SwitchModel& owner_, const DecodeShape& shape_)
      : owner(owner_),
        shape(shape_),
        model(dropless(owner_.config())),
        decoder(owner_.decoder()),
        output(owner_.output()),
        dtype(owner_.params().dtype()),
        pass_mesh(&owner_.mesh()) {
    step.training = false;
  }

  void plan();
  void plan_scratch(Exec& exec);
  AttentionSource planning_encoder_output() const;
  KeyPlaces places_plan(Arena& region, int64_t keys);
  StepInputs inputs_plan(Arena& region);
  void upload_inputs(Exec& exec, int64_t rows);
  LayerContext context(Exec& exec, int64_t rows);
  void run(Exec& exec, int64_t rows);
};

KeyPlaces Decoder::State::places_plan(Arena& region, int64_t keys) {
  return {region.take(DType::i32, {shape.rows, keys}, "key places"),
          region.take(DType::i32, {shape.rows}, "key lengths")};
}

StepInputs Decoder::State::inputs_plan(Arena& region) {
  return {region.take(DType::i32, {shape.rows}, "step ids"),
          region.take(DType::i32, {shape.rows}, "step valid"),
          places_plan(region, shape.decoder_length), places_plan(region, shape.encoder_length)};
}

void Decoder::State::upload_inputs(Exec& exec, int64_t rows) {
  const auto send = [&](Tensor to, Tensor from) {
    upload(exec, to.slice(0, rows), from.slice(0, rows));
  };
  send(inputs.ids, host.ids);
  send(inputs.valid, host.valid);
  send(inputs.self.index, host.self.index);
  send(inputs.self.lengths, host.self.lengths);
  send(inputs.cross.index, host.cross.index);
  send(inputs.cross.lengths, host.cross.lengths);
}

void Decoder::State::plan() {
  const MeshShape& ranks = owner.mesh().shape();
  const LayerDims dims{shape.rows, 1, ranks.expert, dtype, ranks.model};
  blocks.clear();
  for (const BlockParams& block : decoder.blocks) {
    blocks.push_back(block_cache_plan(arena, model, block, shape, dims));
  }
  host = inputs_plan(host_arena);
  spare_self = places_plan(host_arena, shape.decoder_length);
  spare_cross = places_plan(host_arena, shape.encoder_length);
  inputs = inputs_plan(arena);
  embedded = arena.take(dtype, {shape.rows, model.d_model}, "step embedded");
  rstd = arena.take(compute_dtype(dtype), {shape.rows}, "step final rstd");
  normed = arena.take(dtype, {shape.rows, model.d_model}, "step output");
  logits = arena.take(compute_dtype(dtype), {shape.rows, model.vocab_size.value}, "step logits");
}

AttentionSource Decoder::State::planning_encoder_output() const {
  return {Tensor(nullptr, dtype, {shape.prompts * shape.encoder_length, model.d_model}),
          Tensor(nullptr, DType::i32, {shape.prompts})};
}

LayerContext Decoder::State::context(Exec& exec, int64_t rows) {
  return {.exec = exec,
          .mesh = *pass_mesh,
          .model = model,
          .step = step,
          .sequences = rows,
          .length = 1,
          .valid = inputs.valid.slice(0, rows),
          .lengths = inputs.self.lengths.slice(0, rows),
          .ids = inputs.ids.slice(0, rows)};
}

// Runs a step of `rows` rows, once ids, places and valid are set.
void Decoder::State::run(Exec& exec, int64_t rows) {
  const LayerContext layer = context(exec, rows);
  Tensor stream = embedded.slice(0, rows);
  embed_rows(layer, *decoder.embedding, stream, inputs.ids.slice(0, rows));
  for (size_t i = 0; i < blocks.size(); ++i) {
    stream = block_step(layer, decoder.blocks[i], blocks[i], stream, inputs.self, inputs.cross,
                        position * shape.rows);
  }
  const Tensor h = normed.slice(0, rows);
  rms_norm_forward(exec, h, rstd.slice(0, rows), stream, decoder.final_norm->value);
  output_logits(layer, output, logits.slice(0, rows), h);
}

// Raises the high-water mark of the scratch to what decoding needs for any number of sequences.
void Decoder::State::plan_scratch(Exec& exec) {
  PlanningScope planning(exec, owner.mesh());
  pass_mesh = &planning.mesh();
  for (size_t i = 0; i < blocks.size(); ++i) {
    block_cache_begin(exec, decoder.blocks[i], blocks[i], planning_encoder_output());
  }
  for (int64_t rows = 1; rows <= shape.rows; ++rows) {
    if (computed_rows(rows, shape.rows) == rows) run(exec, rows);
  }
  pass_mesh = &owner.mesh();
}

Decoder::Decoder(SwitchModel& model, const DecodeShape& shape)
    : state_(std::make_unique<State>(model, shape)) {
  SY_CHECK(shape.prompts <= model.shape().sequences && shape.rows >= shape.prompts &&
               shape.encoder_length == model.shape().encoder_length && shape.decoder_length > 0,
           "decoding {} prompts of {} in {} rows of {} with a model of {} sequences of {}",
           shape.prompts, shape.encoder_length, shape.rows, shape.decoder_length,
           model.shape().sequences, model.shape().encoder_length);
}

Decoder::~Decoder() = default;

void Decoder::plan(Exec& exec) {
  SY_CHECK(!state_->planned, "a decoder is planned once");
  state_->planned = true;
  if (!state_->owner.planned()) state_->owner.plan(exec);
  state_->plan();
  state_->plan_scratch(exec);
}

void Decoder::allocate(Exec& exec) {
  if (!state_->planned) plan(exec);
  state_->owner.allocate(exec);
  allocate_caches(exec);
}

void Decoder::allocate_caches(Exec& exec) {
  SY_CHECK(state_->planned, "a decoder is planned before the model is allocated");
  state_->arena.allocate(exec.memory);
  state_->host_arena.allocate();
  state_->plan();
}

int64_t Decoder::cache_bytes() const {
  return state_->arena.bytes();
}
const DecodeShape& Decoder::shape() const {
  return state_->shape;
}
int64_t Decoder::vocabulary() const {
  return state_->model.vocab_size.value;
}
int64_t Decoder::sequences() const {
  return state_->sequences;
}
int64_t Decoder::position() const {
  return state_->position;
}

void Decoder::begin(Exec& exec, const AttentionSource& encoder_output) {
  State& s = *state_;
  const int64_t prompts = encoder_output.lengths.numel(), length = s.shape.encoder_length;
  SY_CHECK(prompts <= s.shape.prompts && encoder_output.rows.dim(0) == prompts * length,
           "decoding from {} prompts, {}", prompts, encoder_output.rows.shape().str());
  for (size_t i = 0; i < s.blocks.size(); ++i) {
    block_cache_begin(exec, s.decoder.blocks[i], s.blocks[i], encoder_output);
  }
  int32_t* index = s.host.cross.index.data<int32_t>();
  std::iota(index, index + prompts * length, 0);
  download(exec, s.host.cross.lengths.slice(0, prompts), encoder_output.lengths);
  s.sequences = prompts;
  s.position = 0;
}

void Decoder::select(std::span<const int32_t> parents) {
  State& s = *state_;
  SY_CHECK(static_cast<int64_t>(parents.size()) <= s.shape.rows, "{} sequences of {}",
           parents.size(), s.shape.rows);
  const auto gather = [&](KeyPlaces& places, KeyPlaces& spare) {
    const int64_t width = places.index.dim(1);
    for (size_t i = 0; i < parents.size(); ++i) {
      SY_CHECK(parents[i] >= 0 && parents[i] < s.sequences, "parent {} of {} sequences", parents[i],
               s.sequences);
      const auto row = static_cast<int64_t>(i);
      std::copy_n(places.index.data<int32_t>() + parents[i] * width, width,
                  spare.index.data<int32_t>() + row * width);
      spare.lengths.data<int32_t>()[row] = places.lengths.data<int32_t>()[parents[i]];
    }
    std::swap(places, spare);
  };
  gather(s.host.self, s.spare_self);
  gather(s.host.cross, s.spare_cross);
  s.sequences = static_cast<int64_t>(parents.size());
}

Tensor Decoder::step(Exec& exec, std::span<const int32_t> ids) {
  State& s = *state_;
  const int64_t sequences = s.sequences, most = s.shape.rows, length = s.shape.decoder_length;
  SY_CHECK(static_cast<int64_t>(ids.size()) == sequences && sequences > 0 && s.position < length,
           "{} ids at position {} of {} for {} sequences", ids.size(), s.position, length,
           sequences);
  const int64_t rows = computed_rows(sequences, most);
  for (int64_t row = 0; row < rows; ++row) {
    const bool used = row < sequences;
    s.host.ids.data<int32_t>()[row] = used ? ids[static_cast<size_t>(row)] : kPadId;
    s.host.valid.data<int32_t>()[row] = used ? 1 : 0;
    s.host.self.index.data<int32_t>()[row * length + s.position] =
        narrow<int32_t>(s.position * most + row);
    s.host.self.lengths.data<int32_t>()[row] = used ? narrow<int32_t>(s.position + 1) : 0;
    if (!used) s.host.cross.lengths.data<int32_t>()[row] = 0;
  }
  s.upload_inputs(exec, rows);
  s.run(exec, rows);
  ++s.position;
  return s.logits.slice(0, sequences);
}

}  // namespace sy
