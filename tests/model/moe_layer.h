// SPDX-License-Identifier: Apache-2.0
// One Switch sub-layer on a mesh with everything it needs, planned as in the model (scratch is
// measured in planning mode), for tests on one and on several ranks.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "lib/dist/planning.h"
#include "lib/model/moe/moe_ffn.h"
#include "tests/support/gradcheck.h"
#include "tests/support/owned_stats.h"

namespace sy::test {

// Odd sizes and all sources of randomness. Rates are powers of two, so that the float32 factors (1
// + jitter, 1 / (1 - rate)) are exact and a plain loop can be compared in float64 precision.
inline ModelSection moe_model() {
  ModelSection model;
  model.vocab_size = {false, 50};
  model.d_model = 6;
  model.d_ff = 7;
  model.dropout = 0.25;
  model.experts.count = 4;
  model.experts.capacity_factor = 0.7;
  model.experts.eval_capacity_factor = 1.5;
  model.experts.min_capacity = 1;
  model.experts.fixed_capacity = 3;
  model.experts.group_sequences = 2;
  model.experts.jitter = 0.125;
  model.experts.balance_loss = 0.3;
  model.experts.z_loss = 0.2;
  model.experts.dropout = 0.5;
  return model;
}

class MoeLayer {
 public:
  // `exec_` is the exec of the groups of the mesh, if they have one.
  MoeLayer(const ModelSection& section, Mesh& mesh_, int64_t sequences_, int64_t length_,
           DType dtype = DType::f64, int threads = 2,
           std::shared_ptr<Exec> exec_ = std::make_shared<Exec>())
      : model(section),
        mesh(mesh_),
        owned_exec(std::move(exec_)),
        store(dtype, mesh_.place()),
        owned_stats(section.experts.count),
        sequences(sequences_),
        length(length_) {
    LayerCounter layers;
    params = moe_ffn_params(store, "moe", model, layers);
    const LayerDims dims{sequences, length, mesh.shape().expert, dtype, mesh.shape().model};
    store.plan(values_, grads_);
    saved = moe_ffn_plan(activations_, model, dims);
    use_test_backend(exec);
    exec.threads = threads;
    plan_scratch(dtype);
    for (Arena* arena : {&values_, &grads_, &activations_}) arena->allocate(test_memory());
    store.plan(values_, grads_);
    saved = moe_ffn_plan(activations_, model, dims);
    fill_params();
    step.seed = 11;
    step.step = 5;
    step.group_scale = 0.5;
    step.first_sequence = 4;
  }
  MoeLayer(const MoeLayer&) = delete;
  MoeLayer& operator=(const MoeLayer&) = delete;

  // `valid` is int32 [T], of T / length sequences, at most as many as planned.
  LayerContext context(Tensor valid) {
    for (int64_t i = 0; i < ids.tensor().numel() && !exec.planning; ++i) {
      const int64_t row = step.first_sequence * length + i;
      ids.data<int32_t>()[i] = static_cast<int32_t>(row * 7 % 50);
    }
    return {.exec = exec,
            .mesh = *pass_mesh_,
            .model = model,
            .step = step,
            .sequences = valid.numel() / length,
            .length = length,
            .valid = valid,
            .lengths = {},
            .ids = ids.tensor().slice(0, valid.numel())};
  }
  void forward(Tensor out, Tensor x, Tensor valid) {
    if (!exec.planning) owned_stats.clear();
    moe_ffn_forward(context(valid), params, saved, out, x);
    routing_observe(context(valid), params.routing, saved.routing, stats);
  }
  void backward(Tensor d_x, Tensor d_out, Tensor valid) {
    moe_ffn_backward(context(valid), params, saved, d_x, d_out);
  }
  // The auxiliary losses of the layer.
  double extra_loss() const {
    return step.group_scale *
           (model.experts.balance_loss * balance_sum() + model.experts.z_loss * z_sum() +
            model.experts.second_place_loss * owned_stats.choice_sum(ChoiceLoss::second_place) +
            model.experts.importance_loss * owned_stats.choice_sum(ChoiceLoss::importance) +
            model.experts.load_loss * owned_stats.choice_sum(ChoiceLoss::load));
  }
  double balance_sum() const { return owned_stats.balance_sum(); }
  double z_sum() const { return owned_stats.z_sum(); }

  ModelSection model;
  Mesh& mesh;
  std::shared_ptr<Exec> owned_exec;
  Exec& exec = *owned_exec;
  ParamStore store;
  StepContext step;
  OwnedStats owned_stats;
  RouterStats& stats = owned_stats.stats;
  MoeFfnParams params;
  MoeFfnSaved saved;
  int64_t sequences, length;
  Owned ids{DType::i32, {sequences * length}};  // below 50, by the global row

 private:
  void plan_scratch(DType dtype) {
    PlanningScope planning(exec, mesh);
    pass_mesh_ = &planning.mesh();
    const int64_t tokens = sequences * length;
    const Tensor valid(nullptr, DType::i32, {tokens});
    const Tensor stream(nullptr, dtype, {tokens, model.d_model});
    for (const bool training : {false, true}) {
      step.training = training;
      forward(stream, stream, valid);
    }
    backward(stream, stream, valid);
    pass_mesh_ = &mesh;
    exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  }

  // Values depend on the global index of the element, so they are the same on every mesh.
  void fill_params() {
    for (Param& param : store.all()) {
      const RandomKey key{9, 1, static_cast<uint32_t>(param.number)};
      const double center = param.init.kind == Init::Kind::ones ? 1.0 : 0.0;
      for (int64_t i = 0; i < param.value.numel(); ++i) {
        const uint64_t element = static_cast<uint64_t>(index_in_whole(param.slab, param.shape, i));
        const double value = center + 0.5 * (2.0 * random_uniform(key, element) - 1.0);
        if (param.value.dtype() == DType::f64) {
          param.value.data<double>()[i] = value;
        } else {
          param.value.data<float>()[i] = static_cast<float>(value);
        }
      }
    }
    for (const Buffer& buffer : store.buffers()) {
      for (int64_t e = 0; e < buffer.value.numel(); ++e) {
        buffer.value.data<double>()[e] = e % 2 == 0 ? 0.05 : -0.05;
      }
    }
  }

  Mesh* pass_mesh_ = &mesh;  // the planned mesh while planning
  Arena values_{"values"}, grads_{"gradients"}, activations_{"saved"};
};

// 1 before each length, 0 after it.
inline Owned valid_tokens(const std::vector<int64_t>& lengths, int64_t length) {
  std::vector<int32_t> valid;
  for (const int64_t real : lengths) {
    for (int64_t i = 0; i < length; ++i) valid.push_back(i < real ? 1 : 0);
  }
  return int_tensor({static_cast<int64_t>(valid.size())}, valid);
}

}  // namespace sy::test
