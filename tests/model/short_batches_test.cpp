// SPDX-License-Identifier: Apache-2.0
// A model that is planned for longer sequences computes a shorter batch to the bit as a model that
// is planned for its lengths, on every mesh. And what is left out is padding, which adds nothing:
// the batch padded to the full lengths has the same loss and gradients, if no token is dropped.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "lib/tensor/transfer.h"
#include "tests/model/fixture.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kInputs = 24, kTargets = 12, kInputUnit = 8, kTargetUnit = 4;  // planned
constexpr int64_t kShortInputs = 16, kShortTargets = 4, kSequences = 4;
const std::vector<int32_t> kInputTokens{16, 3, 9, 1}, kTargetTokens{2, 4, 1, 3};

struct Variant {
  const char* name;
  ModelSection section;
  DType dtype = DType::f32;
};

// Sizes that two model ranks can share; experts in attention and in every layer.
ModelSection sparse(CapacityMode capacity) {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(4));
  model.vocab_size = {false, 16};
  model.num_heads = 4;
  model.d_model = model.d_ff = 8;
  model.experts.attention = {{false, {0}}, {false, {1}}};
  model.experts.capacity = capacity;
  return model;
}

// Routing groups whose number changes with the lengths, in each stack by another factor.
ModelSection token_groups() {
  ModelSection model = sparse(CapacityMode::factor);
  model.experts.group_tokens = {{false, 8}, {false, 16}};
  return model;
}

ModelSection hugging_face() {
  ModelSection model = sparse(CapacityMode::fixed);
  model.experts.attention = {{false, {}}, {false, {}}};
  model.experts.interval = 2;
  model.experts.convention = Convention::hugging_face;
  model.experts.group_sequences = 1;
  return model;
}

std::vector<Variant> variants() {
  return {{"capacity factor", sparse(CapacityMode::factor)},
          {"groups of tokens", token_groups()},
          {"dropless", sparse(CapacityMode::dropless)},
          {"hugging_face", hugging_face()},
          {"bfloat16", sparse(CapacityMode::factor), DType::bf16}};
}

using Bytes = std::vector<char>;

Bytes bytes_of(Tensor tensor) {
  const auto* begin = static_cast<const char*>(tensor.raw());
  return {begin, begin + tensor.bytes()};
}

// What a training pass leaves: sums, counts and gradients.
std::vector<Bytes> pass(SwitchModel& model, Exec& exec, const Batch& batch,
                        const StepContext& step) {
  model.params().discard_gradients();
  model.clear_stats(exec);
  model.accumulate_forward(exec, batch, step);
  model.backward(exec, batch, step);
  synchronize(exec);
  std::vector<Bytes> left{bytes_of(model.step_sums()), bytes_of(model.router_stats().counts)};
  for (const Param& param : model.params().all()) left.push_back(bytes_of(param.grad));
  return left;
}

// Passes of models on this mesh and one of these lengths; the last one's results.
std::vector<Bytes> passes(const Variant& variant, MeshShape mesh_shape, const ModelShape& shape,
                          bool after_a_full_one) {
  Exec exec;
  use_test_backend(exec);
  Mesh mesh(test_world(), mesh_shape, group_maker(exec));
  SwitchModel model(variant.section, shape, mesh, variant.dtype);
  model.allocate(exec);
  model.params().initialize(exec, 7);
  StepContext step;
  step.seed = 3;
  step.loss_scale = 0.02;
  step.group_scale = 0.25;
  step.first_sequence = kSequences * mesh.data_rank();
  const auto seed = static_cast<uint64_t>(1 + mesh.data_rank());
  if (after_a_full_one) {
    const OwnedBatch full(kInputs, kTargets, 16, {24, 7, 2, 20}, {12, 1, 9, 4}, seed + 5);
    pass(model, exec, full.batch(), step);
  }
  const OwnedBatch batch(kShortInputs, kShortTargets, 16, kInputTokens, kTargetTokens, seed);
  return pass(model, exec, batch.batch(), step);
}

TEST_CASE("short batches: as in a model that is planned for them", "[short_batches]") {
  const size_t which = GENERATE(range(size_t{0}, variants().size()));
  const Variant variant = variants()[which];
  const Recompute recompute = GENERATE(Recompute::none, Recompute::blocks);
  const int ranks = test_world().size(), model = ranks > 1 ? 2 : 1;
  const bool cuts_rows = model > 1 && recompute == Recompute::blocks;
  // Kernels executed on the host are slow.
  if (test_backend() == Backend::cuda && recompute == Recompute::blocks && which > 1) return;
  CAPTURE(variant.name, static_cast<int>(recompute));
  const ModelShape exact{kSequences, kShortInputs, kShortTargets, recompute, cuts_rows};
  const ModelShape longer{kSequences, kInputs,    kTargets,   recompute,
                          cuts_rows,  kInputUnit, kTargetUnit};
  for (const MeshShape mesh :
       {MeshShape{ranks, 1, ranks}, MeshShape{ranks, model, ranks / model}}) {
    const std::vector<Bytes> wanted = passes(variant, mesh, exact, false);
    CHECK(passes(variant, mesh, longer, false) == wanted);
    CHECK(passes(variant, mesh, longer, true) == wanted);
  }
}

ModelSection without_draws_or_drops(ModelSection model) {
  model.dropout = model.experts.jitter = model.experts.dropout = 0;
  model.experts.capacity_factor = static_cast<double>(model.experts.count);
  return model;
}

double number(Tensor x, int64_t i) {
  return x.dtype() == DType::f64 ? x.data<double>()[i] : static_cast<double>(x.data<float>()[i]);
}

void compare_gradients(SwitchModel& one, SwitchModel& other, double bound) {
  for (const Param& param : one.params().all()) {
    const Tensor wanted = other.params().find(param.name)->grad;
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < wanted.numel(); ++i) {
      worst = std::max(worst, std::abs(number(param.grad, i) - number(wanted, i)));
      largest = std::max(largest, std::abs(number(wanted, i)));
    }
    INFO(param.name);
    CHECK(worst < bound * std::max(largest, 1e-3));
  }
}

TEST_CASE("short batches: padding adds nothing", "[short_batches]") {
  if (test_world().size() > 1) return;
  const ModelSection section = without_draws_or_drops(
      GENERATE(tiny_model(), sparse(CapacityMode::factor), sparse(CapacityMode::dropless)));
  const auto [dtype, loss, gradients] =
      GENERATE(std::tuple(DType::f64, 1e-12, 1e-11), std::tuple(DType::f32, 1e-5, 1e-4));
  if (test_backend() == Backend::cuda && dtype == DType::f64) return;
  const ModelShape shape{kSequences, kInputs,    kTargets,   Recompute::blocks,
                         false,      kInputUnit, kTargetUnit};
  ModelFixture brief(section, shape, dtype), padded(section, shape, dtype);
  const OwnedBatch batch(kShortInputs, kShortTargets, 13, kInputTokens, kTargetTokens);
  // The same ids: those of a longer row begin elsewhere, so they are copied.
  const OwnedBatch longer(kInputs, kTargets, 13, kInputTokens, kTargetTokens);
  for (size_t i = 0; i < kStreams; ++i) {
    const TokenStream &from = batch.batch().streams[i], &to = longer.batch().streams[i];
    for (int64_t row = 0; row < kSequences; ++row) {
      std::memcpy(to.ids.at(row).raw(), from.ids.at(row).raw(),
                  static_cast<size_t>(from.ids.at(row).bytes()));
    }
  }
  for (int64_t row = 0; row < kSequences; ++row) {
    const Tensor from = batch.batch().targets.at(row);
    std::memcpy(longer.batch().targets.at(row).raw(), from.raw(),
                static_cast<size_t>(from.bytes()));
  }
  for (ModelFixture* fixture : {&brief, &padded}) {
    fixture->step.loss_scale = 0.1;
    fixture->step.group_scale = 0.5;
    fixture->model.params().discard_gradients();
  }
  const double wanted = padded.total_loss(longer.batch());
  CHECK(brief.total_loss(batch.batch()) == Approx(wanted).epsilon(loss));
  padded.model.backward(*padded.exec, longer.batch(), padded.step);
  brief.model.backward(*brief.exec, batch.batch(), brief.step);
  for (ModelFixture* fixture : {&brief, &padded}) {
    fixture->model.params().clear_stale_gradients(*fixture->exec);
    synchronize(*fixture->exec);
  }
  compare_gradients(brief.model, padded.model, gradients);
}

TEST_CASE("short batches: no other lengths than those that were planned", "[short_batches]") {
  if (test_world().size() > 1) return;
  ModelFixture fixture(tiny_model(), {kSequences, kInputs, kTargets, Recompute::none, false,
                                      kInputUnit, kTargetUnit});
  const auto [inputs, targets] = GENERATE(std::pair(12, 4), std::pair(16, 6), std::pair(32, 4));
  const OwnedBatch batch(inputs, targets, 13, {1, 1, 1, 1}, {1, 1, 1, 1});
  CHECK_THROWS_AS(fixture.forward(batch), InternalError);
}

}  // namespace
}  // namespace sy
