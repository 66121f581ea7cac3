// SPDX-License-Identifier: Apache-2.0
// Tokens are sent in bfloat16, which is the precision in which the experts read them anyway: the
// forward pass has the same bits on every mesh, and gradients differ only by the order of float32
// sums.
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

TEST_CASE("bfloat16_mesh: a step is the same however experts are spread", "[bfloat16_mesh]") {
  ModelSection section = tiny_sparse_model(4);
  section.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  Communicator& world = test_world();
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  ModelFixture whole(section, {kSequences, kEncoderLength, kDecoderLength}, DType::bf16);
  whole.step.loss_scale = 1.0 / static_cast<double>(batch.target_tokens());
  const double expected = whole.forward(batch);
  whole.model.backward(*whole.exec, batch.batch(), whole.step);

  Exec exec;
  use_test_backend(exec);
  Mesh mesh(world, {world.size(), 1, world.size()}, group_maker(exec));
  const int64_t share = kSequences / world.size();
  SwitchModel part(section, {share, kEncoderLength, kDecoderLength}, mesh, DType::bf16);
  part.allocate(exec);
  part.params().initialize(exec, 7);
  StepContext step = whole.step;
  step.first_sequence = share * world.rank();
  const Batch mine = batch.slice(step.first_sequence, share);
  double loss = part.forward(exec, mine, step);
  part.backward(exec, mine, step);
  world.all_reduce_sum(Tensor(&loss, DType::f64, {1}), "loss");
  CHECK(loss == Approx(expected).epsilon(1e-6));

  mesh.data().all_reduce_sum(part.params().regions()[0].grads, "replicated");
  synchronize(exec);
  for (const Param& param : part.params().all()) {
    const Tensor grad = whole.model.params().find(param.name)->grad;
    const float* exact = grad.data<float>() + (grad.numel() / grad.dim(0)) * param.slab.offset[0];
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < param.grad.numel(); ++i) {
      worst = std::max(worst, std::abs(double{param.grad.data<float>()[i]} - double{exact[i]}));
      largest = std::max(largest, std::abs(double{exact[i]}));
    }
    INFO(param.name);
    CHECK(worst <= 1e-5 * largest + 1e-7);
  }
}

}  // namespace
}  // namespace sy
