// SPDX-License-Identifier: Apache-2.0
// Whatever backward computes again instead of keeping it, a step leaves the same bits: losses,
// router statistics, gradients. On every mesh, in float32 and bfloat16, with dropout and jitter.
#include <catch2/catch.hpp>
#include <cstring>
#include <map>

#include "kernels/gemm/gemm.h"
#include "lib/tensor/transfer.h"
#include "tests/model/fixture.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 9, kDecoderLength = 6;
const std::vector<int32_t> kEncoderLengths{9, 4, 1, 7, 5, 9};
const std::vector<int32_t> kDecoderLengths{3, 6, 1, 5, 6, 2};

struct Variant {
  const char* name;
  ModelSection section;
  DType dtype = DType::f32;
};

// Three blocks per stack, the second of which is sparse, and sizes that four model ranks can share.
ModelSection three_blocks(CapacityMode capacity) {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(4, 2));
  model.experts.attention = {{false, {0}}, {false, {1}}};
  model.vocab_size = {false, 16};
  model.encoder_layers = model.decoder_layers = 3;
  model.num_heads = 4;
  model.d_ff = 8;
  model.experts.capacity = capacity;
  return model;
}

ModelSection untied_geglu(CapacityMode capacity) {
  ModelSection model = three_blocks(capacity);
  model.activation = Activation::geglu;
  model.tie_embeddings = false;
  model.experts.interval = 1;
  return model;
}

// Four blocks per stack, whose two sparse ones share the auxiliary loss.
ModelSection hugging_face(CapacityMode capacity) {
  ModelSection model = three_blocks(capacity);
  model.experts.convention = Convention::hugging_face;
  model.experts.attention = {{false, {}}, {false, {}}};
  model.encoder_layers = model.decoder_layers = 4;
  model.activation = Activation::gelu;
  return model;
}

// What the router draws is drawn again in backward.
ModelSection two_experts(CapacityMode capacity) {
  ModelSection model = three_blocks(capacity);
  model.experts.top_k = 2;
  model.experts.second_threshold = 0.45;
  model.experts.exploration = Exploration::input_dropout;
  model.experts.shared_expert = 4;
  return model;
}

std::vector<Variant> variants() {
  return {{"capacity factor", three_blocks(CapacityMode::factor)},
          {"dropless", three_blocks(CapacityMode::dropless)},
          {"untied, geglu", untied_geglu(CapacityMode::fixed)},
          {"hugging_face", hugging_face(CapacityMode::fixed)},
          {"hugging_face, dropless", hugging_face(CapacityMode::dropless)},
          {"bfloat16", untied_geglu(CapacityMode::dropless), DType::bf16},
          {"two experts and a shared one", two_experts(CapacityMode::factor)}};
}

// The bytes that a step and an evaluation leave, by name.
using Left = std::map<std::string, std::vector<char>>;

std::vector<char> bytes_of(Tensor tensor) {
  const auto* begin = static_cast<const char*>(tensor.raw());
  return {begin, begin + tensor.bytes()};
}

// Two micro-batches, the second smaller than planned, then an evaluation.
Left step_and_evaluate(const Variant& variant, MeshShape shape, Recompute recompute) {
  Exec exec;
  use_test_backend(exec);
  Mesh mesh(test_world(), shape, group_maker(exec));
  SwitchModel model(variant.section, {4, kEncoderLength, kDecoderLength, recompute}, mesh,
                    variant.dtype);
  model.allocate(exec);
  model.params().initialize(exec, 7);
  OwnedBatch batch(kEncoderLength, kDecoderLength, 16, kEncoderLengths, kDecoderLengths,
                   /*seed=*/1 + mesh.data_rank());
  StepContext step;
  step.seed = 3;
  step.loss_scale = 0.02;
  step.group_scale = 0.25;
  model.params().discard_gradients();
  for (const auto& [first, count] : {std::pair{0, 4}, {4, 2}}) {
    step.first_sequence = 6 * mesh.data_rank() + first;
    model.accumulate_forward(exec, batch.slice(first, count), step);
    model.backward(exec, batch.slice(first, count), step);
  }
  synchronize(exec);
  Left left{{"sums", bytes_of(model.step_sums())},
            {"counts", bytes_of(model.router_stats().counts)}};
  for (const Param& param : model.params().all()) left[param.name] = bytes_of(param.grad);
  step.training = false;
  const double loss = model.forward(exec, batch.slice(0, 4), step);
  left["evaluated"].resize(sizeof(loss));
  std::memcpy(left["evaluated"].data(), &loss, sizeof(loss));
  return left;
}

void compare(const Left& kept, const Left& again) {
  REQUIRE(kept.size() == again.size());
  for (const auto& [name, bytes] : kept) {
    INFO(name);
    CHECK((again.at(name) == bytes));  // the parentheses keep Catch from printing them
  }
}

TEST_CASE("recompute: the bits of a step that keeps everything", "[recompute_mesh]") {
  const size_t which = GENERATE(range<size_t>(0, 7));
  const Variant variant = variants()[which];
  const int ranks = test_world().size(), model = GENERATE(1, 2, 4);
  if (model > ranks) return;
  // Kernels executed on the host are slow: each variant is tested on one mesh there.
  if (test_backend() == Backend::cuda && model != (which % 2 == 1 && ranks > 1 ? 2 : 1)) return;
  CAPTURE(variant.name, model);
  const MeshShape shape{ranks, model, ranks / model};
  const Left kept = step_and_evaluate(variant, shape, Recompute::none);
  for (const Recompute recompute : {Recompute::experts, Recompute::blocks}) {
    CAPTURE(static_cast<int>(recompute));
    compare(kept, step_and_evaluate(variant, shape, recompute));
  }
}

}  // namespace
}  // namespace sy
