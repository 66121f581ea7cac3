// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of the model: tiny configurations, batches that own their memory, and a
// single layer or a whole model in float64 with everything it needs.
#pragma once

#include <memory>
#include <vector>

#include "lib/data/batch.h"
#include "lib/model/context.h"
#include "lib/model/param.h"
#include "lib/model/switch_model.h"
#include "tests/support/gradcheck.h"
#include "tests/support/owned_stats.h"

namespace sy::test {

// Odd sizes, two layers per stack, dense, without randomness.
ModelSection tiny_model();
// tiny_model() with experts in every interval-th layer, routed in groups of two sequences, with a
// capacity small enough for drops.
ModelSection tiny_sparse_model(int64_t experts, int64_t interval = 1);
// The same under experts.convention hugging_face, with four layers per stack, so that by default
// two sparse ones share the auxiliary loss.
ModelSection tiny_hugging_face_model(int64_t experts, int64_t interval = 2);
// `model` with routing groups that are neither whole sequences nor the same in both stacks:
// two thirds of a sequence in the encoder, half of one in the decoder.
ModelSection with_token_groups(ModelSection model, int64_t encoder_length, int64_t decoder_length);
// `model` with dropout and jitter, and auxiliary losses large enough to matter.
ModelSection with_noise_and_losses(ModelSection model);

// Gives every parameter, norms included, values that differ from the initial ones.
void randomize(ParamStore& params, uint64_t seed, double scale = 0.5);

// A batch of random ids with padding: encoder_lengths[b] and decoder_lengths[b] tokens are real.
class OwnedBatch {
 public:
  OwnedBatch(int64_t encoder_length, int64_t decoder_length, int64_t vocab,
             const std::vector<int32_t>& encoder_lengths,
             const std::vector<int32_t>& decoder_lengths, uint64_t seed = 1);

  OwnedBatch(const OwnedBatch&) = delete;
  OwnedBatch& operator=(const OwnedBatch&) = delete;

  const Batch& batch() const { return batch_; }
  // Only sequences [begin, begin + count).
  Batch slice(int64_t begin, int64_t count) const { return batch_.slice(begin, count); }
  int64_t target_tokens() const;

 private:
  Batch batch_;
  Owned memory_;
};

// One layer: a parameter store in float64, saved tensors, contexts. Used as
//   LayerFixture f; params = ..._params(f.store, ...); saved = f.allocate([&](Arena& arena) {...});
class LayerFixture {
 public:
  explicit LayerFixture(const ModelSection& section = tiny_model());

  // Allocates parameters (random values, zero gradients) and what `plan` takes.
  template <class Plan>
  auto allocate(Plan&& plan) {
    store.plan(values_, grads_);
    plan(saved_);
    for (Arena* arena : {&values_, &grads_, &saved_}) arena->allocate(test_memory());
    store.plan(values_, grads_);
    randomize(store, 5);
    return plan(saved_);
  }

  LayerContext context(int64_t sequences, int64_t length, Tensor lengths = {}, Tensor valid = {});
  // Checks the gradients of all parameters against `loss`.
  void check_params(const std::function<double()>& loss);

  ModelSection model;
  StepContext step;
  std::unique_ptr<Communicator> world = make_self_communicator();
  Mesh mesh{*world, {}};
  std::unique_ptr<Exec> exec = make_exec();
  ParamStore store{DType::f64};
  OwnedStats stats;

 private:
  Arena values_{"values"}, grads_{"gradients"}, saved_{"saved"};
};

// A whole model on one rank, allocated and initialised.
class ModelFixture {
 public:
  ModelFixture(const ModelSection& section, ModelShape shape, DType dtype = DType::f64,
               bool training = true, int threads = 2, Backend backend = test_backend());

  double forward(const OwnedBatch& batch) { return model.forward(*exec, batch.batch(), step); }
  // The scalar whose gradient backward computes.
  double total_loss(const Batch& batch);
  void clear_gradients();
  void copy_params_from(SwitchModel& other);

  std::unique_ptr<Communicator> world = make_self_communicator();
  Mesh mesh{*world, {}};
  std::unique_ptr<Exec> exec;
  SwitchModel model;
  StepContext step;
};

}  // namespace sy::test
