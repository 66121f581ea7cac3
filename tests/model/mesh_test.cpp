// SPDX-License-Identifier: Apache-2.0
// A step gives the same results on every mesh: losses, router statistics and gradients of a batch
// and a model split over ranks, experts included, compared with the whole on one rank. Float64,
// with dropout and jitter.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "kernels/gemm/gemm.h"

#include "lib/tensor/transfer.h"
#include "tests/model/fixture.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 9, kDecoderLength = 6, kSequences = 8;
const std::vector<int32_t> kEncoderLengths{9, 4, 1, 7, 9, 9, 2, 6};
const std::vector<int32_t> kDecoderLengths{3, 6, 1, 5, 2, 6, 6, 4};

ModelSection sparse_model(CapacityMode capacity) {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(4));
  model.experts.capacity = capacity;
  return model;
}

// Two experts a token, the second one at random.
ModelSection top_2_model(CapacityMode capacity) {
  ModelSection model = sparse_model(capacity);
  model.experts.top_k = 2;
  model.experts.second_threshold = 0.45;
  return model;
}

// Experts in attention, in a layer of the encoder and both of the decoder.
ModelSection attention_model(CapacityMode capacity) {
  ModelSection model = sparse_model(capacity);
  model.experts.interval = 2;
  model.experts.attention = {{false, {0}}, {false, {0, 1}}};
  model.experts.shared_expert = 4;  // of the feed-forward layers
  model.experts.balance_bias = 0.01;
  return model;
}

ModelSection hugging_face_model(CapacityMode capacity) {
  ModelSection model = with_noise_and_losses(tiny_hugging_face_model(4));
  model.experts.capacity = capacity;
  return model;
}

// `section` with heads, d_ff and vocabulary that up to four model ranks can share.
ModelSection shareable(ModelSection section) {
  section.vocab_size = {false, 16};
  section.num_heads = 4;
  section.d_ff = 8;
  section.d_model = 8;
  return section;
}

ModelSection untied_geglu_model() {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(4, 2));
  model.activation = Activation::geglu;
  model.tie_embeddings = false;
  return model;
}

// The largest difference between a shard of a parameter's gradient and the whole one.
double difference(const Param& part, Tensor whole) {
  double worst = 0;
  for (int64_t i = 0; i < part.grad.numel(); ++i) {
    const double expected = whole.data<double>()[index_in_whole(part.slab, part.shape, i)];
    worst = std::max(worst, std::abs(part.grad.data<double>()[i] - expected));
  }
  return worst;
}

void compare_counts(Exec& exec, SwitchModel& part, SwitchModel& whole, Mesh& mesh) {
  const Tensor counts = part.router_stats().counts, expected = whole.router_stats().counts;
  mesh.data().all_reduce_sum(counts, "counts");
  synchronize(exec);
  for (int64_t i = 0; i < counts.numel(); ++i) {
    CHECK(counts.data<int32_t>()[i] == expected.data<int32_t>()[i]);
  }
}

void compare_gradients(Exec& exec, SwitchModel& part, SwitchModel& whole, Mesh& mesh) {
  for (const ParamRegion& region : part.params().regions()) {
    mesh.reduction_group(region.axes).all_reduce_sum(region.grads, "gradients");
    if (region.partial_over_model) mesh.model().all_reduce_sum(region.grads, "partial sums");
  }
  synchronize(exec);
  for (const Param& param : part.params().all()) {
    INFO(param.name);
    CHECK(difference(param, whole.params().find(param.name)->grad) < 1e-12);
  }
}

void compare_step(const ModelSection& section, MeshShape shape, bool sequence_parallel = false) {
  Communicator& world = test_world();
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  ModelFixture whole(section, {kSequences, kEncoderLength, kDecoderLength});
  whole.step.loss_scale = 1.0 / static_cast<double>(batch.target_tokens());
  whole.step.group_scale = 0.25;
  whole.step.logit_z_loss = 0.1;
  const double expected = whole.forward(batch);
  whole.model.backward(*whole.exec, batch.batch(), whole.step);

  Exec exec;
  use_test_backend(exec);
  Mesh mesh(world, shape, group_maker(exec));
  const int64_t share = kSequences / shape.data();
  SwitchModel part(section,
                   {share, kEncoderLength, kDecoderLength, Recompute::none, sequence_parallel},
                   mesh, DType::f64);
  part.allocate(exec);
  part.params().initialize(exec, 7);
  StepContext step = whole.step;
  step.first_sequence = share * mesh.data_rank();
  const Batch mine = batch.slice(step.first_sequence, share);
  const double loss = part.forward(exec, mine, step);
  part.backward(exec, mine, step);
  synchronize(exec);
  double sums[4] = {loss, *part.router_stats().balance.data<double>(),
                    *part.router_stats().z.data<double>(), *part.logit_z_sum().data<double>()};
  mesh.host_data().all_reduce_sum(Tensor(sums, DType::f64, {4}), "sums");
  CHECK(sums[0] == Approx(expected).epsilon(1e-12));
  CHECK(sums[1] == Approx(*whole.model.router_stats().balance.data<double>()).epsilon(1e-12));
  CHECK(sums[2] == Approx(*whole.model.router_stats().z.data<double>()).epsilon(1e-12));
  CHECK(sums[3] == Approx(*whole.model.logit_z_sum().data<double>()).epsilon(1e-12));
  compare_counts(exec, part, whole.model, mesh);
  compare_gradients(exec, part, whole.model, mesh);

  step.training = whole.step.training = false;
  double evaluated = part.forward(exec, mine, step);
  mesh.host_data().all_reduce_sum(Tensor(&evaluated, DType::f64, {1}), "loss");
  CHECK(evaluated == Approx(whole.forward(batch)).epsilon(1e-12));
}

TEST_CASE("model_mesh: a step is the same however it is split", "[model_mesh]") {
  const ModelSection section =
      GENERATE(sparse_model(CapacityMode::factor), sparse_model(CapacityMode::dropless),
               hugging_face_model(CapacityMode::fixed), hugging_face_model(CapacityMode::dropless));
  const bool spread = GENERATE(true, false);
  // Kernels executed on the host are slow: only one convention is tested there, with both kinds of
  // split.
  if (test_backend() == Backend::cuda && !spread && section.encoder_layers > 2) return;
  const int ranks = test_world().size();
  if (ranks > 4) return;  // the model axis is what eight ranks add
  compare_step(section, {ranks, 1, spread ? ranks : (ranks + 1) / 2});
}

TEST_CASE("model_mesh: a step with groups of tokens is the same however it is split",
          "[model_mesh]") {
  const int ranks = test_world().size();
  if (ranks > 4) return;
  const ModelSection section =
      with_token_groups(sparse_model(CapacityMode::factor), kEncoderLength, kDecoderLength);
  compare_step(section, {ranks, 1, ranks});
  if (ranks > 1) compare_step(shareable(section), {ranks, 2, ranks / 2}, true);
}

TEST_CASE("model_mesh: a step with hashed tokens is the same however it is split", "[model_mesh]") {
  const int ranks = test_world().size();
  if (ranks > 4 || test_backend() == Backend::cuda) return;  // mpi.moe has its kernels
  ModelSection section = shareable(sparse_model(CapacityMode::factor));
  section.experts.routing = Routing::hash;
  compare_step(section, {ranks, 1, ranks});
  if (ranks > 1) compare_step(section, {ranks, 2, ranks / 2}, true);
}

TEST_CASE("model_mesh: masks that are constant along the length are the same on every mesh",
          "[model_mesh]") {
  const int ranks = test_world().size();
  if (ranks > 4) return;
  ModelSection section = with_noise_and_losses(tiny_sparse_model(4, 2));
  section.dropout_broadcast = DropoutBroadcast::length;
  compare_step(section, {ranks, 1, ranks});
  if (ranks > 1) compare_step(shareable(section), {ranks, 2, ranks / 2}, true);
}

TEST_CASE("model_mesh: a step with a shared expert is the same however it is split",
          "[model_mesh]") {
  const int ranks = test_world().size();
  if (ranks > 4 || test_backend() == Backend::cuda) return;  // mpi.moe has its kernels
  ModelSection section = shareable(sparse_model(CapacityMode::factor));
  section.experts.shared_expert = 4;
  section.experts.balance_bias = 0.01;
  section.activation = Activation::geglu;
  compare_step(section, {ranks, 1, ranks});
  if (ranks == 1) return;
  compare_step(section, {ranks, 2, ranks / 2});
  compare_step(section, {ranks, 2, 1}, true);
}

TEST_CASE("model_mesh: a step with two experts a token is the same however it is split",
          "[model_mesh]") {
  const int ranks = test_world().size();
  if (ranks > 4) return;
  const bool sequence_parallel = GENERATE(false, true), host = test_backend() == Backend::cuda;
  if (!sequence_parallel && !host) {
    compare_step(top_2_model(CapacityMode::factor), {ranks, 1, ranks});
  }
  if (ranks == 1 || (host && !sequence_parallel)) return;
  compare_step(shareable(top_2_model(CapacityMode::dropless)), {ranks, 2, ranks / 2},
               sequence_parallel);
}

TEST_CASE("model_mesh: a step with experts in attention is the same however it is split",
          "[model_mesh]") {
  const int ranks = test_world().size();
  if (ranks > 4) return;
  const bool sequence_parallel = GENERATE(false, true), host = test_backend() == Backend::cuda;
  if (!sequence_parallel && !host) {
    ModelSection linear = attention_model(CapacityMode::dropless);
    linear.experts.attention_form = AttentionForm::linear;
    compare_step(linear, {ranks, 1, ranks});
  }
  if (ranks == 1 || (host && !sequence_parallel)) return;
  compare_step(shareable(attention_model(CapacityMode::factor)), {ranks, 2, ranks / 2},
               sequence_parallel);
}

TEST_CASE("model_mesh: a step is the same however the model is split", "[model_mesh]") {
  const int ranks = test_world().size(), model = GENERATE(2, 4);
  if (model > ranks) return;
  const bool spread = GENERATE(true, false);
  const ModelSection section =
      GENERATE(sparse_model(CapacityMode::factor), sparse_model(CapacityMode::dropless),
               untied_geglu_model(), hugging_face_model(CapacityMode::fixed));
  const bool host = test_backend() == Backend::cuda;
  if (host && (model == 4 || section.encoder_layers > 2)) return;
  const int data = ranks / model;
  if (data == 1 && !spread) return;
  CAPTURE(model, spread);
  compare_step(shareable(section), {ranks, model, spread ? data : 1});
}

TEST_CASE("model_mesh: a step is the same however the residual stream is split", "[model_mesh]") {
  const int ranks = test_world().size(), model = GENERATE(2, 4);
  if (model > ranks) return;
  const bool spread = GENERATE(true, false);
  const ModelSection section =
      GENERATE(sparse_model(CapacityMode::factor), sparse_model(CapacityMode::dropless),
               untied_geglu_model(), hugging_face_model(CapacityMode::fixed));
  const bool host = test_backend() == Backend::cuda;
  if (host && (model == 4 || section.activation == Activation::geglu)) return;
  const int data = ranks / model;
  if (data == 1 && !spread) return;
  CAPTURE(model, spread);
  compare_step(shareable(section), {ranks, model, spread ? data : 1}, true);
}

// Whether every model rank has these numbers to the last bit.
bool same_on_model_ranks(Exec& exec, Mesh& mesh, Tensor x) {
  synchronize(exec);
  Owned largest(x.dtype(), x.shape());
  std::memcpy(largest.tensor().raw(), x.raw(), static_cast<size_t>(x.bytes()));
  mesh.model().all_reduce_max(largest, "largest");
  synchronize(exec);
  return std::memcmp(largest.tensor().raw(), x.raw(), static_cast<size_t>(x.bytes())) == 0;
}

// Routing needs no message because the routers of a model group compute the same bits.
TEST_CASE("model_mesh: the ranks of a model group agree to the last bit", "[model_mesh]") {
  const int ranks = test_world().size(), model = GENERATE(2, 4);
  if (model > ranks) return;
  const DType dtype = GENERATE(DType::f32, DType::bf16);
  const bool sequence_parallel = GENERATE(false, true);
  ModelSection section = shareable(sparse_model(CapacityMode::factor));
  section.d_model = 64;
  section.d_ff = 256;
  OwnedBatch batch(kEncoderLength, kDecoderLength, 16, kEncoderLengths, kDecoderLengths);
  Exec exec;
  use_test_backend(exec);
  Mesh mesh(test_world(), {ranks, model, 1}, group_maker(exec));
  const int64_t share = kSequences / mesh.shape().data();
  SwitchModel part(section,
                   {share, kEncoderLength, kDecoderLength, Recompute::none, sequence_parallel},
                   mesh, dtype);
  part.allocate(exec);
  part.params().initialize(exec, 7);
  StepContext step;
  step.loss_scale = 0.02;
  step.first_sequence = share * mesh.data_rank();
  const Batch mine = batch.slice(step.first_sequence, share);
  part.forward(exec, mine, step);
  part.backward(exec, mine, step);
  CHECK(same_on_model_ranks(exec, mesh, part.step_sums()));
  CHECK(same_on_model_ranks(exec, mesh, part.router_stats().counts));
  int64_t whole = 0;
  for (const Param& param : part.params().all()) {
    if (param.placement.cut_by(MeshAxis::model) || param.partial_over_model) continue;
    INFO(param.name);
    CHECK(same_on_model_ranks(exec, mesh, param.grad));
    ++whole;
  }
  // Routers; norms before feed-forward, before attention, and last.
  CHECK(whole == 4 + (sequence_parallel ? 0 : 4 + 6 + 2));
}

// docs/parallelism.md, "Memory": what is cut by rows is 1 / M, what is gathered is whole.
TEST_CASE("model_mesh: a model rank keeps its rows of the residual stream", "[model_mesh]") {
  if (test_world().size() > 1) return;
  ModelSection section = shareable(sparse_model(CapacityMode::factor));
  section.experts.interval = GENERATE(1, 3);  // sparse and dense feed-forward layers
  section.d_model = 64;
  const int64_t sequences = 512, model = 4;  // so that rounding up to pages is little
  const auto activations = [&](bool sequence_parallel) {
    Mesh mesh = Mesh::planned({4, 4, 1}, 1);
    SwitchModel part(
        section, {sequences, kEncoderLength, kDecoderLength, Recompute::none, sequence_parallel},
        mesh);
    Exec exec;
    use_test_backend(exec);
    part.plan(exec);
    return part.memory().activations;
  };
  // Per block and stack: the stream after each sub-layer, and the normed input of each with its
  // norm; per stack also the embedded tokens, and the last norm; the decoder's gradient.
  const int64_t row = 4 * section.d_model, blocks = section.encoder_layers;
  REQUIRE(section.decoder_layers == blocks);
  const int64_t in_encoder = blocks * 2 * (2 * row + 4) + row + 4;
  const int64_t in_decoder = blocks * 3 * (2 * row + 4) + row + 4 + row;
  const int64_t stream = sequences * (kEncoderLength * in_encoder + kDecoderLength * in_decoder);
  const int64_t saved = activations(false) - activations(true);
  CHECK(std::abs(saved - stream * (model - 1) / model) < 64 * 1024);
}

TEST_CASE("model_mesh: what does not divide over the model ranks is refused in one error",
          "[model_mesh]") {
  const int ranks = test_world().size();
  if (ranks != 2) return;
  ModelSection section = tiny_model();
  section.num_heads = 3;
  Mesh mesh(test_world(), {ranks, ranks, 1});
  const auto message = [&] {
    try {
      SwitchModel(section, {1, kEncoderLength, kDecoderLength, Recompute::none, true}, mesh);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  }();
  CAPTURE(message);
  for (const char* part : {"model.num_heads (3)", "model.d_ff (7)", "model.vocab_size (13)",
                           "data.encoder_length (9)"}) {
    CHECK(message.find(part) != std::string::npos);
  }
}

TEST_CASE("model_mesh: experts that do not divide over the ranks are refused", "[model_mesh]") {
  if (test_world().size() == 1) return;
  ModelSection section = sparse_model(CapacityMode::factor);
  section.experts.count = 3;
  Mesh mesh(test_world(), {test_world().size(), 1, test_world().size()});
  CHECK_THROWS_AS(SwitchModel(section, {2, kEncoderLength, kDecoderLength}, mesh), ConfigError);
}

}  // namespace
}  // namespace sy
