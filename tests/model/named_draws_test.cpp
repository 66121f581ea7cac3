// SPDX-License-Identifier: Apache-2.0
// Random numbers depend on names: if a stack gets one more layer, all else keeps its initial
// values, masks and noise.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "lib/model/embedding.h"
#include "lib/model/stack.h"
#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSequences = 2, kLength = 8, kTokens = kSequences * kLength;

ModelSection drawing_model(int64_t encoder_layers, int64_t decoder_layers) {
  ModelSection model = tiny_model();  // of every two blocks, the second is sparse
  model.encoder_layers = encoder_layers;
  model.decoder_layers = decoder_layers;
  model.dropout = 0.5;
  model.experts.count = 3;
  model.experts.interval = 2;
  model.experts.group_sequences = 1;
  model.experts.jitter = 0.25;
  model.experts.dropout = 0.25;
  return model;
}

// Both stacks with their initial values after one forward pass. The encoder output that the decoder
// reads is given, so the stacks share nothing but random numbers.
struct Stacks {
  LayerFixture f;
  LayerCounter layers;
  StackParams encoder, decoder;
  StackSaved encoder_saved, decoder_saved;

  explicit Stacks(const ModelSection& section) : f(section) {
    Param* const embedding = embedding_params(f.store, f.model);
    encoder = stack_params(f.store, f.model, encoder_spec(f.model, embedding), layers);
    decoder = stack_params(f.store, f.model, decoder_spec(f.model, embedding), layers);
    const LayerDims dims{kSequences, kLength, 1, DType::f64};
    std::tie(encoder_saved, decoder_saved) = f.allocate([&](Arena& arena) {
      StackSaved first = stack_plan(arena, f.model, encoder, dims, kLength);
      return std::pair(std::move(first), stack_plan(arena, f.model, decoder, dims, kLength));
    });
    f.store.initialize(*f.exec, 7);
    forward();
  }

  void forward() {
    std::vector<int32_t> some;
    for (int32_t i = 0; i < kTokens; ++i) some.push_back(1 + i % 12);
    Owned ids = int_tensor({kTokens}, some);
    Owned lengths = int_tensor({kSequences}, std::vector<int32_t>(kSequences, kLength));
    Owned valid = int_tensor({kTokens}, std::vector<int32_t>(kTokens, 1));
    Owned memory = random_tensor(DType::f64, {kTokens, f.model.d_model}, 1);
    const LayerContext context = f.context(kSequences, kLength, lengths, valid);
    stack_forward(context, encoder, encoder_saved, ids, {}, nullptr);
    stack_forward(context, decoder, decoder_saved, ids, {memory, lengths}, nullptr);
    synchronize(*f.exec);
  }
};

// The residual stream is bit-identical through all blocks that both models have, so all draws on
// its path were. After these, only the last mask of a larger stack can be seen.
void check_alike(const StackSaved& small, const StackSaved& large) {
  for (size_t i = 0; i < small.streams.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(small.streams[i], large.streams[i]));
  }
  int64_t dropped = 0;
  for (int64_t i = 0; i < small.out.numel(); ++i) {
    if (at(small.streams.back(), i) == 0 || at(large.streams.back(), i) == 0) {
      continue;  // dropped everywhere
    }
    dropped += at(small.out, i) == 0;
    CHECK((at(small.out, i) == 0) == (at(large.out, i) == 0));
  }
  CHECK(dropped > small.out.numel() / 4);
  const bool grown = large.blocks.size() > small.blocks.size();
  CHECK(same_bits(small.out, large.out) != grown);
}

TEST_CASE("draws: a layer more leaves all that has other names as it was", "[draws]") {
  const auto [encoder_layers, decoder_layers] =
      GENERATE(std::pair(3, 2), std::pair(2, 3), std::pair(4, 4));
  Stacks small(drawing_model(2, 2)), large(drawing_model(encoder_layers, decoder_layers));
  for (const Param& param : small.f.store.all()) {
    INFO(param.name);
    const Param* same = large.f.store.find(param.name);
    REQUIRE(same != nullptr);
    CHECK(same_bits(param.value, same->value));
  }
  check_alike(small.encoder_saved, large.encoder_saved);
  check_alike(small.decoder_saved, large.decoder_saved);
}

// The sites of all dropout and jitter in a stack.
std::vector<uint32_t*> sites_of(StackParams& stack) {
  std::vector<uint32_t*> sites{&stack.sites.embedding, &stack.sites.final_norm};
  const auto add = [&](std::initializer_list<uint32_t*> more) { sites.insert(sites.end(), more); };
  for (BlockParams& block : stack.blocks) {
    add({&block.self_attention.sites.probs, &block.self_attention.sites.output});
    if (block.has_cross_attention()) {
      add({&block.cross_attention.sites.probs, &block.cross_attention.sites.output});
    }
    if (block.sparse) {
      add({&block.moe.sites.hidden, &block.moe.sites.output,
           &block.moe.routing.router.jitter_site});
    } else {
      add({&block.dense.inner.hidden_site, &block.dense.output_site});
    }
  }
  return sites;
}

TEST_CASE("draws: layers, uses and stacks have sites of their own, up to 100 layers", "[draws]") {
  const ModelSection model = drawing_model(100, 100);
  ParamStore store;
  LayerCounter layers;
  Param* const embedding = embedding_params(store, model);
  StackParams stacks[] = {stack_params(store, model, encoder_spec(model, embedding), layers),
                          stack_params(store, model, decoder_spec(model, embedding), layers)};
  std::vector<uint32_t> sites;
  for (StackParams& stack : stacks) {
    for (const uint32_t* site : sites_of(stack)) sites.push_back(*site);
  }
  CHECK(sites.size() == 2 * 2 + 100 * 2 + 100 * 4 + 100 * 2 + 100 * 3);
  for (const Param& param : store.all()) sites.push_back(param.site);
  CHECK(std::set(sites.begin(), sites.end()).size() == sites.size());
  CHECK(*std::ranges::min_element(sites) >= site::kNamed);
}

std::vector<double> values_of(Tensor x) {
  return {x.data<double>(), x.data<double>() + x.numel()};
}

// If a draw used the site of another, moving its own site would change nothing.
TEST_CASE("draws: every site is drawn at", "[draws]") {
  Stacks stacks(drawing_model(2, 2));
  const auto check = [&](StackParams& stack, const StackSaved& saved) {
    const std::vector<double> before = values_of(saved.out);
    const std::vector<uint32_t*> sites = sites_of(stack);
    for (size_t i = 0; i < sites.size(); ++i) {
      CAPTURE(i);
      *sites[i] ^= 1;
      stacks.forward();
      CHECK(values_of(saved.out) != before);
      *sites[i] ^= 1;
    }
    stacks.forward();
    CHECK(values_of(saved.out) == before);
  };
  check(stacks.encoder, stacks.encoder_saved);
  check(stacks.decoder, stacks.decoder_saved);
}

}  // namespace
}  // namespace sy
