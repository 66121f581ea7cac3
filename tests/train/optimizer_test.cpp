// SPDX-License-Identifier: Apache-2.0
// Optimisers on replicated and expert parameters compared with the formulas of the papers, each
// expert separately, on every mesh; and on parameters that the model axis shards, compared with
// those on whole ones.
#include "lib/train/optimizer/optimizer.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/base/random.h"
#include "lib/tensor/transfer.h"
#include "tests/support/gradcheck.h"
#include "tests/support/mpi_world.h"
#include "tests/train/hand_made_params.h"
#include "tests/train/mesh_splits.h"
#include "tests/train/plain_optimizers.h"

namespace sy {
namespace {
using namespace test;

constexpr double kTolerance = 1e-12;
constexpr int64_t kIdleExpert = 2;  // gets no tokens, so its gradients are zero

bool is_expert(const Param& param) {
  return param.placement.cut_by(MeshAxis::expert);
}

// Magnitudes that change from step to step, so that only some updates are clipped.
double gradient_of(const Param& param, int64_t step, int64_t element) {
  const int64_t piece = param.shape.numel() / HandMadeParams::kExperts;
  if (is_expert(param) && element / piece == kIdleExpert) return 0;
  constexpr double kSizes[] = {1, 1e-3, 10, 0.1, 2};
  const RandomKey key{1, static_cast<uint32_t>(step), static_cast<uint32_t>(param.number)};
  return (random_uniform(key, static_cast<uint64_t>(element)) - 0.5) * kSizes[step % 5];
}

double clip_of(int64_t step) {
  return step % 2 == 0 ? 0.25 : 1.0;
}

Update update_of(int64_t step) {
  return {step, 0.1 / static_cast<double>(step), {}};
}

// An optimiser over hand-made parameters in float64, with its memory.
struct Setup {
  Setup(const OptimizerSection& config, Mesh& mesh_)
      : Setup(config, mesh_, mesh_.shape().model > 1,
              make_exec(test_world().size() == 1 ? 2 : 1, 1)) {}  // 2 cores suffice
  Setup(const OptimizerSection& config, Mesh& mesh_, bool cut, const std::shared_ptr<Exec>& exec_,
        UpdatedBy updated_by = UpdatedBy::every_holder)
      : mesh(mesh_), exec(exec_), params(mesh_, DType::f64, cut, updated_by) {
    params.store.initialize(*exec, 3);
    Param& small = *params.store.find("scale");  // below Adafactor's lower bound on the RMS
    for (int64_t i = 0; i < small.master.numel(); ++i) small.master.data<double>()[i] *= 1e-5;
    optimizer = make_optimizer(config, params.store);
    optimizer->plan(memory);
    memory.allocate(test_memory());
    optimizer->plan(memory);
  }
  void step(int64_t number) {
    for (const Param& param : params.store.all()) {
      HandMadeParams::fill_gradient<double>(
          param, [&](int64_t element) { return gradient_of(param, number, element); });
    }
    Owned clip = clip_tensor(clip_of(number));
    Update update = update_of(number);
    update.clip = clip;
    update.mesh = &mesh;
    optimizer->apply(*exec, update);
  }
  // Local tensor of the state, by name.
  Tensor state(const std::string& name) const {
    for (const OptimizerTensor& state : optimizer->state()) {
      if (state.name == name) return state.value;
    }
    FAIL("no state " << name);
    return {};
  }

  Mesh& mesh;
  std::shared_ptr<Exec> exec;
  HandMadeParams params;
  std::unique_ptr<Optimizer> optimizer;
  Arena memory{"optimiser"};
};

Numbers numbers_of(Tensor x) {
  return {x.data<double>(), x.data<double>() + x.numel()};
}

void check_close(Tensor is, const Numbers& expected) {
  REQUIRE(static_cast<size_t>(is.numel()) == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(is.data<double>()[i] == Approx(expected[i]).epsilon(kTolerance).margin(1e-300));
  }
}

// The units of an update: a replicated parameter, or one expert of an expert parameter.
int64_t parts(const Param& param) {
  return param.placement.slices(param.value.shape());
}
Tensor part_of(const Param& param, Tensor tensor, int64_t part) {
  return is_expert(param) ? tensor.at(part) : tensor;
}
Shape part_shape(const Param& param) {
  return param.placement.slice_shape(param.shape);
}

// The weights of a part after five steps of `plain`.
template <class Plain>
Numbers train_alone(Plain& plain, const Param& param, int64_t part,
                    const OptimizerSection& config) {
  Numbers weights = numbers_of(part_of(param, param.value, part)), gradient(weights.size());
  const int64_t first = part * static_cast<int64_t>(weights.size());
  for (int64_t step = 1; step <= 5; ++step) {
    const Update update = update_of(step);
    for (size_t i = 0; i < gradient.size(); ++i) {
      const int64_t element = HandMadeParams::element(param, first + static_cast<int64_t>(i));
      gradient[i] = clip_of(step) * gradient_of(param, step, element);
    }
    plain.step(weights, gradient, update, config);
  }
  return weights;
}

// Calls check(trained, param, part) for every part, where `param` holds the initial weights, on
// every mesh of experts over the data ranks of `model`.
template <class Check>
void for_each_part(const OptimizerSection& config, const Check& check, int model = 1) {
  const int ranks = test_world().size();
  // Kernels executed on the host are slow: only the two extreme meshes are tested there.
  const int factor = test_backend() == Backend::cuda ? std::max(ranks, 2) : 2;
  for (int expert = 1; expert <= ranks / model; expert *= factor) {
    Mesh mesh(test_world(), {ranks, model, expert});
    const Setup start(config, mesh);
    Setup trained(config, mesh);
    for (int64_t step = 1; step <= 5; ++step) trained.step(step);
    for (const Param& param : start.params.store.all()) {
      for (int64_t part = 0; part < parts(param); ++part) {
        CAPTURE(model, expert, param.name, part);
        check(trained, param, part);
      }
    }
  }
}

TEST_CASE("optimizer: adafactor is the paper's, each expert on its own", "[optimizer]") {
  OptimizerSection config;
  config.factor_from = GENERATE(3, 4);  // the shorter sides of the matrices are 3
  config.weight_decay = GENERATE(0.0, 0.1);
  const bool other = GENERATE(false, true);
  if (other) config.decay_exponent = 0.6, config.update_clip = 0.5, config.step_offset = 3;
  for_each_part(config, [&](Setup& trained, const Param& param, int64_t part) {
    const Shape shape = part_shape(param);
    const bool factored = shape.rank() == 2 && config.factor_from == 3;
    const auto rows = static_cast<size_t>(factored ? shape[0] : shape.numel());
    PlainAdafactor plain(rows, factored ? static_cast<size_t>(shape[1]) : 1, factored);
    const Numbers weights = train_alone(plain, param, part, config);
    const std::string state = "optimizer/" + param.name;
    check_close(part_of(param, trained.params.store.find(param.name)->value, part), weights);
    const char* whole = factored ? "/row" : "/second";
    check_close(part_of(param, trained.state(state + whole), part), plain.row);
    if (factored) check_close(part_of(param, trained.state(state + "/col"), part), plain.col);
  });
}

TEST_CASE("optimizer: adamw is the paper's", "[optimizer]") {
  OptimizerSection config;
  config.name = OptimizerName::adamw;
  config.weight_decay = GENERATE(0.0, 0.1);
  if (GENERATE(false, true)) config.beta1 = 0.7, config.beta2 = 0.95, config.epsilon = 1e-3;
  const auto check = [&](Setup& trained, const Param& param, int64_t part) {
    PlainAdamW plain(numbers_of(part_of(param, param.value, part)).size());
    const Numbers weights = train_alone(plain, param, part, config);
    const std::string state = "optimizer/" + param.name;
    check_close(part_of(param, trained.params.store.find(param.name)->value, part), weights);
    check_close(part_of(param, trained.state(state + "/first"), part), plain.first);
    check_close(part_of(param, trained.state(state + "/second"), part), plain.second);
  };
  for_each_part(config, check);
  if (test_world().size() > 1) for_each_part(config, check, 2);
}

// The shard of `whole` that a tensor of this placement is.
void check_shard(Tensor is, Tensor whole, const Placement& placement, const Shape& global,
                 const MeshPlace& place) {
  const Slab slab = placement.slab(global, place);
  Numbers expected;
  for (int64_t i = 0; i < slab.numel(); ++i) {
    expected.push_back(whole.data<double>()[index_in_whole(slab, global, i)]);
  }
  check_close(is, expected);
}

TEST_CASE("optimizer: adafactor's means are of whole matrices", "[optimizer]") {
  OptimizerSection config;
  config.factor_from = GENERATE(3, 4);
  config.weight_decay = 0.1;
  config.update_clip = 0.5;
  const std::shared_ptr<Exec> exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    if (mesh.shape().model == 1) return;
    const auto self = make_self_communicator();
    Mesh alone(*self, {});
    Setup sharded(config, mesh, true, exec), whole(config, alone, true, exec);
    for (int64_t step = 1; step <= 5; ++step) {
      sharded.step(step);
      whole.step(step);
    }
    synchronize(*exec);
    for (const Param& param : sharded.params.store.all()) {
      CAPTURE(param.name);
      check_shard(param.value, whole.params.store.find(param.name)->value, param.placement,
                  param.shape, mesh.place());
    }
    REQUIRE(sharded.optimizer->state().size() == whole.optimizer->state().size());
    for (const OptimizerTensor& state : sharded.optimizer->state()) {
      CAPTURE(state.name);
      check_shard(state.value, whole.state(state.name), state.placement, state.global,
                  mesh.place());
    }
  });
}

// The weights of all experts, each with moments of its own, after five steps that are clipped and
// scaled by root mean squares of the whole tensor.
Numbers train_together(const Param& param, const OptimizerSection& config) {
  const Shape shape = part_shape(param);
  const bool factored = shape.rank() == 2 && config.factor_from == 3;
  const auto rows = static_cast<size_t>(factored ? shape[0] : shape.numel());
  std::vector<PlainAdafactor> plain(
      static_cast<size_t>(param.shape[0]),
      PlainAdafactor(rows, factored ? static_cast<size_t>(shape[1]) : 1, factored));
  Numbers weights = numbers_of(param.value);
  for (int64_t step = 1; step <= 5; ++step) {
    const Update update = update_of(step);
    Numbers all;
    for (PlainAdafactor& expert : plain) {
      Numbers gradient(static_cast<size_t>(shape.numel()));
      for (double& g : gradient) {
        const int64_t element = std::ssize(all) + (&g - gradient.data());
        g = clip_of(step) * gradient_of(param, step, element);
      }
      const Numbers u = expert.direction(gradient, PlainAdafactor::decay(update, config));
      all.insert(all.end(), u.begin(), u.end());
    }
    PlainAdafactor::move(weights, all, update, config);
  }
  return weights;
}

TEST_CASE("optimizer: adafactor of all experts together", "[optimizer]") {
  OptimizerSection config;
  config.rms_over = RmsOver::tensor;
  config.weight_decay = 0.1;
  config.update_clip = 0.5;
  const auto form =
      GENERATE(std::pair{3, UpdatedBy::one_owner}, std::pair{4, UpdatedBy::every_holder});
  config.factor_from = form.first;
  const std::shared_ptr<Exec> exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    const auto self = make_self_communicator();
    Mesh alone(*self, {});
    const Setup start(config, alone, true, exec);
    Setup trained(config, mesh, true, exec, form.second);
    for (int64_t step = 1; step <= 5; ++step) trained.step(step);
    synchronize(*exec);
    for (const Param& param : start.params.store.all()) {
      if (!is_expert(param)) continue;
      CAPTURE(param.name, mesh.shape().model, mesh.shape().expert);
      const Numbers whole = train_together(param, config);
      const Param& now = *trained.params.store.find(param.name);
      const Slab own = now.own_slab(now.slab);
      Numbers expected;
      for (int64_t i = 0; i < own.numel(); ++i) {
        expected.push_back(whole[static_cast<size_t>(index_in_whole(own, param.shape, i))]);
      }
      check_close(now.master, expected);
    }
  });
}

TEST_CASE("optimizer: sharded parameters need their mesh", "[optimizer]") {
  const int ranks = test_world().size();
  if (ranks == 1) return;
  Mesh mesh(test_world(), {ranks, 2, 1});
  Setup setup(OptimizerSection{}, mesh);
  CHECK_THROWS_AS(setup.optimizer->apply(*setup.exec, update_of(1)), InternalError);
}

TEST_CASE("optimizer: an expert without tokens keeps its weights", "[optimizer]") {
  OptimizerSection config;
  config.name = GENERATE(OptimizerName::adafactor, OptimizerName::adamw);
  for_each_part(config, [&](Setup& trained, const Param& param, int64_t part) {
    const bool idle = is_expert(param) && param.slab.offset[0] + part == kIdleExpert;
    const Tensor now = trained.params.store.find(param.name)->value;
    const Numbers before = numbers_of(part_of(param, param.value, part));
    CHECK((numbers_of(part_of(param, now, part)) == before) == idle);
  });
}

TEST_CASE("optimizer: what lies between parameters stays zero", "[optimizer]") {
  OptimizerSection config;
  config.name = GENERATE(OptimizerName::adafactor, OptimizerName::adamw);
  config.weight_decay = 0.1;
  const int ranks = test_world().size();
  Mesh mesh(test_world(), {ranks, 1, ranks});
  Setup trained(config, mesh);
  for (int64_t step = 1; step <= 5; ++step) trained.step(step);
  ParamStore& store = trained.params.store;
  for (const ParamRegion& region : store.regions()) {
    Numbers values = numbers_of(region.values);
    size_t covered = 0;
    for (const Param& param : store.all()) {
      if (param.placement.axes() != region.axes) continue;
      CHECK(numbers_of(param.own_part_of_run(region.values, 0)) == numbers_of(param.value));
      CHECK(numbers_of(param.own_part_of_run(region.grads, 0)) == numbers_of(param.grad));
      const auto count = static_cast<size_t>(param.value.numel());
      std::fill_n(values.begin() + param.offset, count, 0.0);
      covered += count;
    }
    CHECK(covered < values.size());
    CHECK(values == Numbers(values.size()));
  }
}

// "NAME GLOBAL" of each tensor; checks that the local shape follows from the placement and that
// values are zero.
std::vector<std::string> state_of(OptimizerName name) {
  OptimizerSection config;
  config.name = name;
  config.factor_from = 1;
  const int ranks = test_world().size();
  Mesh mesh(test_world(), {ranks, 1, ranks});
  const Setup setup(config, mesh);
  std::vector<std::string> lines;
  for (const OptimizerTensor& tensor : setup.optimizer->state()) {
    CHECK(numbers_of(tensor.value) == Numbers(static_cast<size_t>(tensor.value.numel())));
    const bool expert = tensor.name.starts_with("optimizer/moe/");
    CHECK(tensor.placement == (expert ? Placement::expert() : Placement::replicated()));
    Shape local = tensor.global;
    if (expert) local[0] /= ranks;
    CHECK(tensor.value.shape() == local);
    lines.push_back(tensor.name + " " + tensor.global.str());
  }
  return lines;
}

TEST_CASE("optimizer: names and shapes of the state", "[optimizer]") {
  CHECK(state_of(OptimizerName::adafactor) ==
        std::vector<std::string>{"optimizer/embedding/row [1, 11]",
                                 "optimizer/embedding/col [1, 3]", "optimizer/scale/second [1, 3]",
                                 "optimizer/moe/wi/row [4, 3]", "optimizer/moe/wi/col [4, 5]",
                                 "optimizer/moe/bias/second [4, 5]", "optimizer/moe/wo/row [4, 5]",
                                 "optimizer/moe/wo/col [4, 3]",
                                 "optimizer/last scale/second [1, 1]", "optimizer/head/row [1, 3]",
                                 "optimizer/head/col [1, 11]"});
  CHECK(state_of(OptimizerName::adamw) ==
        std::vector<std::string>{
            "optimizer/embedding/first [11, 3]", "optimizer/embedding/second [11, 3]",
            "optimizer/scale/first [3]", "optimizer/scale/second [3]",
            "optimizer/moe/wi/first [4, 3, 5]", "optimizer/moe/wi/second [4, 3, 5]",
            "optimizer/moe/bias/first [4, 5]", "optimizer/moe/bias/second [4, 5]",
            "optimizer/moe/wo/first [4, 5, 3]", "optimizer/moe/wo/second [4, 5, 3]",
            "optimizer/last scale/first [1]", "optimizer/last scale/second [1]",
            "optimizer/head/first [3, 11]", "optimizer/head/second [3, 11]"});
}

}  // namespace
}  // namespace sy
