// SPDX-License-Identifier: Apache-2.0
// A step gives the same results on every mesh: losses, router statistics and gradients of a batch
// split over ranks, experts included, compared with the whole batch on one rank. Float64, with
// dropout and jitter.
#include <catch2/catch.hpp>
#include <cmath>

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

ModelSection hugging_face_model(CapacityMode capacity) {
  ModelSection model = with_noise_and_losses(tiny_hugging_face_model(4));
  model.experts.capacity = capacity;
  return model;
}

// The largest difference between `part` and the rows of `whole` from `first` on.
double difference(Tensor part, Tensor whole, int64_t first) {
  const double* expected =
      first == 0 ? whole.data<double>() : whole.slice(first, part.dim(0)).data<double>();
  double worst = 0;
  for (int64_t i = 0; i < part.numel(); ++i) {
    worst = std::max(worst, std::abs(part.data<double>()[i] - expected[i]));
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
  }
  synchronize(exec);
  for (const Param& param : part.params().all()) {
    INFO(param.name);
    CHECK(difference(param.grad, whole.params().find(param.name)->grad, param.slab.offset[0]) <
          1e-12);
  }
}

TEST_CASE("model_mesh: a step is the same however it is split", "[model_mesh]") {
  const ModelSection section =
      GENERATE(sparse_model(CapacityMode::factor), sparse_model(CapacityMode::dropless),
               hugging_face_model(CapacityMode::fixed), hugging_face_model(CapacityMode::dropless));
  const bool spread = GENERATE(true, false);
  // Kernels executed on the host are slow: only one convention is tested there, with both kinds of
  // split.
  if (test_backend() == Backend::cuda && !spread && section.encoder_layers > 2) return;
  Communicator& world = test_world();
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  ModelFixture whole(section, {kSequences, kEncoderLength, kDecoderLength});
  whole.step.loss_scale = 1.0 / static_cast<double>(batch.target_tokens());
  whole.step.group_scale = 0.25;
  const double expected = whole.forward(batch);
  whole.model.backward(*whole.exec, batch.batch(), whole.step);

  Exec exec;
  use_test_backend(exec);
  Mesh mesh(world, {world.size(), 1, spread ? world.size() : (world.size() + 1) / 2},
            group_maker(exec));
  const int64_t share = kSequences / world.size();
  SwitchModel part(section, {share, kEncoderLength, kDecoderLength}, mesh, DType::f64);
  part.allocate(exec);
  part.params().initialize(exec, 7);
  StepContext step = whole.step;
  step.first_sequence = share * world.rank();
  const Batch mine = batch.slice(step.first_sequence, share);
  const double loss = part.forward(exec, mine, step);
  part.backward(exec, mine, step);
  synchronize(exec);
  double sums[3] = {loss, *part.router_stats().balance.data<double>(),
                    *part.router_stats().z.data<double>()};
  world.all_reduce_sum(Tensor(sums, DType::f64, {3}), "sums");
  CHECK(sums[0] == Approx(expected).epsilon(1e-12));
  CHECK(sums[1] == Approx(*whole.model.router_stats().balance.data<double>()).epsilon(1e-12));
  CHECK(sums[2] == Approx(*whole.model.router_stats().z.data<double>()).epsilon(1e-12));
  compare_counts(exec, part, whole.model, mesh);
  compare_gradients(exec, part, whole.model, mesh);
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
