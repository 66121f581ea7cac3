// SPDX-License-Identifier: Apache-2.0
// Forward has no side effects: run again stack by stack or block by block, as recomputation does,
// it leaves outputs, saved tensors, statistics and gradients unchanged to the last bit. Dense and
// sparse blocks of both stacks, with dropout and jitter, experts spread over the ranks.
#include <algorithm>
#include <catch2/catch.hpp>

#include "kernels/elementwise/elementwise.h"
#include "lib/model/embedding.h"
#include "lib/model/stack.h"
#include "lib/tensor/transfer.h"
#include "tests/model/fixture.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSequences = 2, kEncoderLength = 7, kDecoderLength = 5;
constexpr int64_t kScratchBytes = 64 << 20;

ModelSection section_of(Convention convention, CapacityMode capacity) {
  ModelSection model =
      with_noise_and_losses(convention == Convention::paper ? tiny_sparse_model(4, /*interval=*/2)
                                                            : tiny_hugging_face_model(4));
  model.experts.capacity = capacity;
  if (convention == Convention::paper) model.experts.attention = {{false, {0}}, {false, {1}}};
  model.experts.fixed_capacity = 1;
  return model;
}

enum class Again { never, stacks, blocks, counted };

// The results of a step: bytes of saved tensors, statistics and gradients.
struct Left {
  std::vector<char> saved, statistics, gradients;
};

void append(std::vector<char>& to, const void* from, int64_t bytes) {
  const auto* begin = static_cast<const char*>(from);
  to.insert(to.end(), begin, begin + bytes);
}

// Both stacks with everything they need, and the inputs at both ends.
class Stacks {
 public:
  Stacks(const ModelSection& section, Mesh& mesh, Exec& exec)
      : model_(section), mesh_(mesh), exec_(exec) {
    Param* const embedding = embedding_params(store_, model_);
    encoder_ = stack_params(store_, model_, encoder_spec(model_, embedding), layers_);
    decoder_ = stack_params(store_, model_, decoder_spec(model_, embedding), layers_);
    plan();
    for (Arena* arena : {&values_, &grads_, &saved_, &statistics_}) arena->allocate(test_memory());
    plan();
    store_.initialize(exec_, 7);
    step_.seed = 3;
    step_.group_scale = 0.5;
    step_.first_sequence = kSequences * mesh.data_rank();
  }

  Left step(Again again) {
    clear();
    if (again == Again::stacks) forward(nullptr);
    if (again == Again::counted) forward(&stats_);
    forward(&stats_);
    if (again == Again::blocks) forward_blocks();
    backward();
    synchronize(exec_);
    return left();
  }

 private:
  void plan() {
    const int ranks = mesh_.shape().expert;
    store_.plan(values_, grads_);
    encoder_saved_ = stack_plan(saved_, model_, encoder_,
                                {kSequences, kEncoderLength, ranks, dtype_}, kEncoderLength);
    decoder_saved_ = stack_plan(saved_, model_, decoder_,
                                {kSequences, kDecoderLength, ranks, dtype_}, kEncoderLength);
    const int64_t layers = layers_.routed_layers;
    sums_ = statistics_.take(DType::f64, {2 + 3 * layers}, "sums");
    stats_.confidence = sums_.slice(2, 3 * layers).view({layers, 3});
    stats_.balance = sums_.slice(0, 1);
    stats_.z = sums_.slice(1, 1);
    stats_.counts =
        statistics_.take(DType::i32, {layers_.routed_layers, model_.experts.count + 1}, "counts");
  }

  LayerContext context(bool in_decoder) {
    const Batch& batch = batch_.batch();
    return {
        .exec = exec_,
        .mesh = mesh_,
        .model = model_,
        .step = step_,
        .sequences = kSequences,
        .length = in_decoder ? kDecoderLength : kEncoderLength,
        .valid = in_decoder ? batch.streams[kDecoder].valid : batch.streams[kEncoder].valid,
        .lengths = in_decoder ? batch.streams[kDecoder].lengths : batch.streams[kEncoder].lengths,
        .stack_shares = in_decoder ? decoder_saved_.shares : encoder_saved_.shares};
  }
  Tensor ids(bool in_decoder) {
    const Tensor ids =
        in_decoder ? batch_.batch().streams[kDecoder].ids : batch_.batch().streams[kEncoder].ids;
    return ids.view({ids.numel()});
  }
  AttentionSource encoded() {
    return {encoder_saved_.out, batch_.batch().streams[kEncoder].lengths};
  }

  void clear() {
    for (const ParamRegion& region : store_.regions()) fill_zero(exec_, region.grads);
    fill_zero(exec_, Tensor(encoder_saved_.streams[0].raw(), DType::i32, {saved_.bytes() / 4}));
    fill_zero(exec_, Tensor(sums_.raw(), DType::i32, {statistics_.bytes() / 4}));
  }
  void forward(RouterStats* counted) {
    stack_forward(context(false), encoder_, encoder_saved_, ids(false), {}, counted);
    stack_forward(context(true), decoder_, decoder_saved_, ids(true), encoded(), counted);
  }
  // Runs each block again from its input, the last one first.
  void forward_blocks() {
    const auto again = [&](bool in_decoder, const StackParams& params, StackSaved& saved) {
      for (size_t i = params.blocks.size(); i-- > 0;) {
        block_forward(context(in_decoder), params.blocks[i], saved.blocks[i], saved.streams[i + 1],
                      saved.streams[i], encoded());
      }
    };
    again(true, decoder_, decoder_saved_);
    again(false, encoder_, encoder_saved_);
  }
  void backward() {
    GradReady nobody;
    GradProgress progress(nobody, static_cast<int>(store_.all().size()));
    Owned d_out = random_tensor(dtype_, decoder_saved_.out.shape(), 5);
    Owned d_encoded = zeros(dtype_, encoder_saved_.out.shape());
    stack_backward(context(true), decoder_, decoder_saved_, d_out, d_encoded, ids(true), encoded(),
                   progress);
    stack_backward(context(false), encoder_, encoder_saved_, d_encoded, {}, ids(false), {},
                   progress);
    synchronize(exec_);
  }
  Left left() {
    Left left;
    append(left.saved, encoder_saved_.streams[0].raw(), saved_.bytes());
    for (const StackSaved* stack : {&encoder_saved_, &decoder_saved_}) {
      for (const BlockSaved& block : stack->blocks) {
        for (const RoutingSaved* routing : {&block.moe_attention.routing, &block.moe.routing}) {
          const int64_t host[2] = {routing->dispatch.slots, routing->dispatch.rows()};
          append(left.saved, host, sizeof(host));
        }
      }
    }
    append(left.statistics, sums_.raw(), statistics_.bytes());
    for (const ParamRegion& region : store_.regions()) {
      append(left.gradients, region.grads.raw(), region.grads.bytes());
    }
    return left;
  }

  ModelSection model_;
  Mesh& mesh_;
  Exec& exec_;
  DType dtype_ = DType::f32;
  ParamStore store_{dtype_, mesh_.place()};
  LayerCounter layers_;
  StackParams encoder_, decoder_;
  StackSaved encoder_saved_, decoder_saved_;
  StepContext step_;
  RouterStats stats_;
  Tensor sums_;
  OwnedBatch batch_{kEncoderLength, kDecoderLength, 13, {7, 4}, {3, 5}};
  Arena values_{"values"}, grads_{"gradients"}, saved_{"saved"}, statistics_{"statistics"};
};

TEST_CASE("forward_twice: the bits of one run", "[forward_twice]") {
  const Convention convention = GENERATE(Convention::paper, Convention::hugging_face);
  const CapacityMode capacity = GENERATE(CapacityMode::fixed, CapacityMode::dropless);
  Exec exec;
  use_test_backend(exec);
  exec.scratch.allocate(kScratchBytes, exec.memory);
  const int ranks = test_world().size();
  Mesh mesh(test_world(), {ranks, 1, ranks}, group_maker(exec));
  Stacks stacks(section_of(convention, capacity), mesh, exec);
  const Left once = stacks.step(Again::never);
  CHECK(std::count(once.gradients.begin(), once.gradients.end(), 0) < std::ssize(once.gradients));
  for (const Again again : {Again::stacks, Again::blocks}) {
    CAPTURE(static_cast<int>(again));
    const Left left = stacks.step(again);
    CHECK((left.saved == once.saved));  // the parentheses keep Catch from printing a region
    CHECK((left.statistics == once.statistics));
    CHECK((left.gradients == once.gradients));
  }
  // Counting twice makes a difference.
  CHECK((stacks.step(Again::counted).statistics != once.statistics));
}

}  // namespace
}  // namespace sy
