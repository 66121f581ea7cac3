// SPDX-License-Identifier: Apache-2.0
// What recomputation keeps and what it computes again, counted by the formulas of
// docs/parallelism.md, "Memory".
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/gemm/gemm_shape.h"
#include "lib/base/numeric.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSequences = 4, kEncoderLength = 32, kDecoderLength = 16, kPage = 4096;
constexpr int64_t kSource = kSequences * kEncoderLength, kTarget = kSequences * kDecoderLength;

// The first, third and fifth block are dense, the others sparse. An expert has as many rows as
// slots.
ModelSection section_of(Activation activation) {
  ModelSection model = tiny_sparse_model(4, 2);
  model.d_model = 32;
  model.d_kv = 16;
  model.num_heads = 4;
  model.d_ff = 96;
  model.encoder_layers = 5;
  model.decoder_layers = 3;
  model.activation = activation;
  model.experts.capacity = CapacityMode::fixed;
  model.experts.fixed_capacity = 8;
  model.experts.dropout = 0.1;
  return model;
}

struct BlockCounts {
  int64_t tokens, dense, sparse;
  bool cross;
};
const BlockCounts kEncoderBlocks{kSource, 3, 2, false}, kDecoderBlocks{kTarget, 2, 1, true};

// Bytes of float32 or int32 tensors as they are planned.
template <class... Elements>
int64_t bytes(Elements... elements) {
  return (int64_t{0} + ... + round_up(4 * elements, int64_t{64}));
}

struct Sizes {
  const ModelSection& m;
  int64_t inner_tensors() const {
    return m.activation == Activation::relu ? 1 : m.activation == Activation::gelu ? 2 : 3;
  }
  int64_t attention(int64_t tokens, int64_t source) const {
    const int64_t heads = m.num_heads * m.d_kv;
    return bytes(tokens, tokens * m.d_model, (tokens + 2 * source) * heads, tokens * m.num_heads,
                 tokens * heads);
  }
  int64_t inner(int64_t rows) const { return inner_tensors() * bytes(rows * m.d_ff); }
  int64_t rows() const { return 4 * kSequences / 2 * 8; }
  int64_t dense(int64_t tokens) const { return bytes(tokens, tokens * m.d_model) + inner(tokens); }
  int64_t sparse(int64_t tokens) const {
    const int64_t experts = 4, groups = kSequences / 2;
    const int64_t router = bytes(tokens, tokens, tokens, tokens * experts, tokens) +
                           bytes(groups * experts, groups * experts, int64_t{2});
    const int64_t dispatch = bytes(tokens, rows(), experts + 1, rows() * m.d_model, rows());
    return bytes(tokens, tokens * m.d_model, rows() * m.d_model) + router + dispatch +
           inner(rows());
  }
  int64_t before_ffn(const BlockCounts& stack) const {
    const int64_t stream = bytes(stack.tokens * m.d_model);
    return attention(stack.tokens, stack.tokens) + stream +
           (stack.cross ? attention(stack.tokens, kSource) + stream : 0);
  }
  // What is no longer kept if the blocks of a stack share the memory of the largest.
  int64_t shared(const BlockCounts& stack) const {
    const int64_t of_dense = before_ffn(stack) + dense(stack.tokens);
    const int64_t of_sparse = before_ffn(stack) + sparse(stack.tokens);
    return stack.dense * of_dense + stack.sparse * of_sparse - std::max(of_dense, of_sparse);
  }
};

SwitchModel::Memory memory_of(const ModelSection& section, Recompute recompute) {
  ModelFixture f(section, {kSequences, kEncoderLength, kDecoderLength, recompute}, DType::f32);
  return f.model.memory();
}

TEST_CASE("recompute: memory falls by what is not kept", "[recompute]") {
  const ModelSection section =
      section_of(GENERATE(Activation::relu, Activation::gelu, Activation::geglu));
  const Sizes sizes{section};
  const SwitchModel::Memory none = memory_of(section, Recompute::none);
  const SwitchModel::Memory experts = memory_of(section, Recompute::experts);
  const SwitchModel::Memory blocks = memory_of(section, Recompute::blocks);
  const auto check = [&](const SwitchModel::Memory& less, int64_t by, int64_t scratch) {
    // Regions are rounded up to pages.
    CHECK(std::abs(none.activations - less.activations - by) < kPage);
    CHECK(less.scratch >= none.scratch);
    CHECK(less.scratch <= none.scratch + scratch);
    CHECK(less.parameters == none.parameters);
    CHECK(less.gradients == none.gradients);
  };
  check(experts, 3 * sizes.inner(sizes.rows()), sizes.inner(sizes.rows()));
  check(blocks, sizes.shared(kEncoderBlocks) + sizes.shared(kDecoderBlocks), 0);
}

// FLOPs of the products of a step, without those inside attention.
int64_t products_of(const ModelSection& section, Recompute recompute) {
  const std::vector<int32_t> lengths(kSequences, kDecoderLength);
  ModelFixture f(section, {kSequences, kEncoderLength, kDecoderLength, recompute}, DType::f32);
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, lengths, lengths);
  f.exec->profiler.enable();
  f.forward(batch);
  f.model.backward(*f.exec, batch.batch(), f.step);
  return static_cast<int64_t>(flops_of(f.exec->state<GemmCounts>()));
}

// Neither the last block of a stack nor the last product of a dense layer is computed again.
TEST_CASE("recompute: products that are computed again", "[recompute]") {
  const ModelSection section = section_of(GENERATE(Activation::relu, Activation::geglu));
  const int64_t d = section.d_model, heads = section.num_heads * section.d_kv;
  const int64_t in = section.activation == Activation::geglu ? 2 : 1;
  const int64_t wi = 2 * in * d * section.d_ff, wo = 2 * d * section.d_ff;
  const int64_t projection = 2 * d * heads;
  // On CUDA the router's kernel computes its logits itself.
  const int64_t router = test_backend() == Backend::cpu ? 2 * d * section.experts.count : 0;
  const int64_t rows = Sizes{section}.rows();
  const int64_t none = products_of(section, Recompute::none);
  CHECK(products_of(section, Recompute::experts) - none == 3 * rows * wi);

  const int64_t self = 4 * projection, sparse = rows * (wi + wo);
  const int64_t encoder = kSource * (4 * self + 2 * wi + 2 * router) + 2 * sparse;
  const int64_t cross = 2 * projection * (kTarget + kSource);
  const int64_t decoder = kTarget * (2 * self + wi + router) + 2 * cross + sparse;
  CHECK(products_of(section, Recompute::blocks) - none == encoder + decoder);
}

}  // namespace
}  // namespace sy
