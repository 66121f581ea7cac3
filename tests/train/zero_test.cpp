// SPDX-License-Identifier: Apache-2.0
// mesh.zero_stage: 1 gives the training of zero_stage 0, with state and master weights held once.
#include <catch2/catch.hpp>

#include "kernels/gemm/gemm.h"
#include "lib/model/owned_runs.h"
#include "lib/tensor/bfloat16.h"
#include "lib/tensor/transfer.h"
#include "lib/train/optimizer/value_gather.h"
#include "tests/support/gradcheck.h"
#include "tests/train/hand_made_params.h"
#include "tests/train/mesh_splits.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

std::vector<RowRange> runs_of(const std::vector<int64_t>& starts, int64_t size, int ranks) {
  return balanced_runs(starts, size, ranks);
}

bool same(const std::vector<RowRange>& is, const std::vector<RowRange>& expected) {
  return std::equal(is.begin(), is.end(), expected.begin(), expected.end(),
                    [](const RowRange& a, const RowRange& b) {
                      return a.first == b.first && a.count == b.count;
                    });
}

TEST_CASE("zero: runs of whole slices, nearest to equal shares", "[zero]") {
  CHECK(same(runs_of({0, 10, 20, 30}, 40, 2), {{0, 20}, {20, 20}}));
  CHECK(same(runs_of({0, 10, 20, 30}, 40, 1), {{0, 40}}));
  CHECK(same(runs_of({0, 4, 30}, 40, 2), {{0, 30}, {30, 10}}));
  CHECK(same(runs_of({0, 8, 30}, 40, 2), {{0, 30}, {30, 10}}));
  CHECK(same(runs_of({0, 36}, 40, 2), {{0, 36}, {36, 4}}));
  // One matrix for four ranks belongs to the one whose share begins it.
  CHECK(same(runs_of({0}, 40, 4), {{0, 0}, {0, 0}, {0, 40}, {40, 0}}));
  CHECK(same(pieces_within({{0, 20}, {20, 5}, {25, 15}}, {10, 12}), {{0, 10}, {10, 2}, {12, 0}}));
  CHECK(same(pieces_within({{0, 20}, {20, 5}, {25, 15}}, {30, 10}), {{0, 0}, {0, 0}, {0, 10}}));
}

TEST_CASE("zero: no run is longer than its share and a slice", "[zero]") {
  const int ranks = GENERATE(2, 3, 4, 7);
  std::vector<int64_t> starts;
  int64_t size = 0, longest = 0;
  for (int64_t i = 0; i < 50; ++i) {
    const int64_t length = 1 + i * i * 7 % 90;
    starts.push_back(size);
    size += length;
    longest = std::max(longest, length);
  }
  int64_t end = 0;
  for (const RowRange& run : runs_of(starts, size, ranks)) {
    CHECK(run.first == end);
    CHECK(run.count <= size / ranks + longest);
    end += run.count;
  }
  CHECK(end == size);
}

// Every slice of the model is owned by one of the ranks that sum its gradient, and by the same one
// on all ranks of a model group.
TEST_CASE("zero: every slice has one owner", "[zero]") {
  const MeshShape shape =
      GENERATE(MeshShape{4, 1, 1}, MeshShape{4, 1, 2}, MeshShape{8, 2, 2}, MeshShape{6, 2, 1});
  std::map<std::string, int64_t> owned;  // elements, over all ranks
  for (int rank = 0; rank < shape.ranks; ++rank) {
    const Mesh mesh = Mesh::planned(shape, rank);
    const HandMadeParams params(mesh, DType::f32, UpdatedBy::one_owner);
    const HandMadeParams first(Mesh::planned(shape, rank - mesh.model_rank()), DType::f32,
                               UpdatedBy::one_owner);
    auto other = first.store.all().begin();
    for (const Param& param : params.store.all()) {
      CAPTURE(rank, param.name);
      const Slab own = param.own_slab(param.slab);
      CHECK(param.master.shape() == own.extent);
      CHECK(param.owned.first == other->owned.first);
      CHECK(param.owned.count == other++->owned.count);
      if (own.numel() == 0) continue;
      CHECK(param.master.raw() == param.own_part(param.value).raw());
      owned[param.name] += own.numel();
    }
  }
  const HandMadeParams params(Mesh::planned(shape, 0), DType::f32);
  for (const Param& param : params.store.all()) {
    CAPTURE(param.name);
    const int64_t copies = param.placement.cut_by(MeshAxis::model) ? 1 : shape.model;
    CHECK(owned[param.name] == copies * param.shape.numel());
  }
}

double value_of(const Param& param, int64_t element, int round) {
  return param.number * 1000 + static_cast<double>(element) + round * 0.5;
}

TEST_CASE("zero: values are where they are needed, from their owner", "[zero]") {
  const auto exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    for (const int64_t elements : {1, 40, 1 << 20}) {
      CAPTURE(elements);
      HandMadeParams params(mesh, DType::f32, UpdatedBy::one_owner);
      ValueGather gather(params.store, mesh, elements);
      for (int round = 1; round <= 2; ++round) {
        for (Param& param : params.store.all()) {
          const auto at = [&](int64_t i) { return HandMadeParams::element(param, i); };
          for (int64_t i = 0; i < param.value.numel(); ++i) param.value.data<float>()[i] = -1;
          const int64_t first = param.master.numel() == 0
                                    ? 0
                                    : param.master.data<float>() - param.value.data<float>();
          for (int64_t i = 0; i < param.master.numel(); ++i) {
            param.master.data<float>()[i] =
                static_cast<float>(value_of(param, at(first + i), round));
          }
        }
        gather.start();
        for (const Param& param : params.store.all()) {
          gather.wait_below(param.number + 1);
          synchronize(*exec);
          int64_t wrong = 0;
          for (int64_t i = 0; i < param.value.numel(); ++i) {
            const double is = param.value.data<float>()[i];
            wrong += is != value_of(param, HandMadeParams::element(param, i), round) ? 1 : 0;
          }
          CAPTURE(param.name, round);
          CHECK(wrong == 0);
        }
      }
    }
  });
}

std::vector<std::string> on_mesh(const MeshShape& mesh, int zero, std::vector<std::string> more) {
  std::vector<std::string> overrides{"train.global_batch=8",
                                     "data.encoder_length=16",
                                     "model.tie_embeddings=false",
                                     "optimizer.learning_rate=0.05",
                                     "optimizer.warmup_steps=2",
                                     "optimizer.factor_from=16",
                                     fmt::format("mesh.expert={}", mesh.expert),
                                     fmt::format("mesh.model={}", mesh.model),
                                     fmt::format("mesh.zero_stage={}", zero)};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

template <class T>
std::vector<T> read(Exec& exec, Tensor tensor) {
  std::vector<T> values(static_cast<size_t>(tensor.numel()));
  download(exec, Tensor(values.data(), tensor.dtype(), tensor.shape()), tensor);
  return values;
}

// What GEMMs and embeddings read, as float.
std::vector<double> computed_with(Exec& exec, const Param& param) {
  if (param.compute.dtype() == DType::f32) {
    const auto values = read<float>(exec, param.compute);
    return {values.begin(), values.end()};
  }
  std::vector<double> values;
  for (const BFloat16 value : read<BFloat16>(exec, param.compute)) values.push_back(float(value));
  return values;
}

// Whether all ranks that hold the same part of the parameters have the same bits of it.
bool copies_agree(Steps& steps) {
  const MeshPlace& place = steps.session.mesh.place();
  bool agree = true;
  for (const Param& param : steps.session.model.params().all()) {
    uint32_t hash = 17;
    for (const double value : computed_with(steps.session.exec, param)) {
      hash = hash * 31 + static_cast<uint32_t>(std::hash<double>()(value));
    }
    auto mine = static_cast<int32_t>(hash);
    std::vector<int32_t> all(static_cast<size_t>(test_world().size()));
    test_world().all_gather(Tensor(all.data(), DType::i32, {std::ssize(all)}),
                            Tensor(&mine, DType::i32, {1}), "hashes");
    for (const int rank : holders(param.placement.axes(), place)) {
      agree &= all[static_cast<size_t>(rank)] == mine;
    }
  }
  return agree;
}

// Norm of the difference, relative to that of the expected values.
double distance(const std::vector<double>& is, const std::vector<double>& expected) {
  REQUIRE(is.size() == expected.size());
  double error = 0, norm = 0;
  for (size_t i = 0; i < is.size(); ++i) {
    error += (is[i] - expected[i]) * (is[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(error / norm);
}

TEST_CASE("zero: the same training as without it", "[zero]") {
  const WithoutLaunchBlocking as_in_a_run;
  const auto variant =
      GENERATE(std::vector<std::string>{"optimizer.name=adafactor"},
               std::vector<std::string>{"optimizer.name=adamw", "optimizer.learning_rate=0.002"},
               std::vector<std::string>{"optimizer.name=adafactor", "precision=bfloat16"});
  const bool slow = test_backend() == Backend::cuda, rounds = variant.back().ends_with("bfloat16");
  const int steps = slow ? 3 : 20;
  const int ranks = test_world().size();
  for (int model = 1; model <= ranks; model *= 2) {
    for (int expert = 1; expert <= ranks / model; expert *= 2) {
      if (slow && (model > 1) == (expert > 1) && ranks == 4) continue;
      CAPTURE(variant, model, expert);
      const MeshShape shape{ranks, model, expert};
      Steps whole(test_backend(), on_mesh(shape, 0, variant));
      Steps spread(test_backend(), on_mesh(shape, 1, variant));
      const std::vector<double> before =
          computed_with(whole.session.exec, whole.session.model.params().all()[1]);
      // As on a GPU, a step is issued before the results of the previous one are read.
      std::vector<StepResult> expected, results;
      for (Steps* each : {&whole, &spread}) {
        for (int step = 1; step <= steps; ++step) {
          each->fill();
          each->start();
          if (step > 1) (each == &whole ? expected : results).push_back(each->train_step.finish());
        }
        (each == &whole ? expected : results).push_back(each->train_step.finish());
        each->train_step.complete_values();
      }
      const double tolerance = rounds ? 2e-3 : 2e-5;
      for (size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(i);
        CHECK(results[i].loss == Approx(expected[i].loss).epsilon(tolerance));
        CHECK(results[i].grad_norm == Approx(expected[i].grad_norm).epsilon(50 * tolerance));
      }
      // The updates are far larger than the tolerance.
      const Param& some = whole.session.model.params().all()[1];
      CHECK(distance(computed_with(whole.session.exec, some), before) > 0.01);
      CHECK(copies_agree(spread));
      for (const Param& param : spread.session.model.params().all()) {
        CAPTURE(param.name);
        const Param& other = *whole.session.model.params().find(param.name);
        CHECK(distance(computed_with(spread.session.exec, param),
                       computed_with(whole.session.exec, other)) < (rounds ? 0.02 : 1e-3));
      }
    }
  }
}

// A forward pass reads no value before it has said so.
TEST_CASE("zero: a pass says which values it needs before it reads them", "[zero]") {
  if (test_world().size() > 1) return;
  const std::string precision = GENERATE("precision=float32", "precision=bfloat16");
  Steps steps(test_backend(), on_mesh({1, 1, 1}, 0, {precision, "model.dropout=0"}));
  SwitchModel& model = steps.session.model;
  Exec& exec = steps.session.exec;
  steps.fill();
  StepContext context;
  const Batch batch = steps.batch.micro_batch(0);
  const double expected = model.forward(exec, batch, context);
  REQUIRE(expected > 0);
  std::vector<std::vector<char>> values, copies;
  const auto bytes_of = [](Tensor tensor) { return static_cast<size_t>(tensor.bytes()); };
  for (const Param& param : model.params().all()) {
    for (const auto& [tensor, kept] :
         {std::pair(param.value, &values), std::pair(param.compute, &copies)}) {
      kept->emplace_back(bytes_of(tensor));
      download(exec, Tensor(kept->back().data(), tensor.dtype(), tensor.shape()), tensor);
    }
  }
  for (const Param& param : model.params().all()) {
    for (const Tensor& tensor : {param.value, param.compute}) {
      std::vector<char> not_numbers(bytes_of(tensor), '\xff');
      upload(exec, tensor, Tensor(not_numbers.data(), tensor.dtype(), tensor.shape()));
    }
  }
  int there = 0;
  model.clear_stats(exec);
  model.accumulate_forward(exec, batch, context, [&](int end) {
    for (; there < end; ++there) {
      const Param& param = model.params().all()[static_cast<size_t>(there)];
      const auto i = static_cast<size_t>(there);
      upload(exec, param.value, Tensor(values[i].data(), param.value.dtype(), param.value.shape()));
      upload(exec, param.compute,
             Tensor(copies[i].data(), param.compute.dtype(), param.compute.shape()));
    }
  });
  CHECK(read_number(exec, model.loss_sum()) == expected);
  CHECK(there == static_cast<int>(model.params().all().size()));
}

// Bytes of the optimiser and of the parameters, as docs/parallelism.md counts them.
TEST_CASE("zero: memory falls as counted", "[zero]") {
  const MeshShape shape = GENERATE(MeshShape{4, 1, 1}, MeshShape{4, 1, 2}, MeshShape{8, 2, 2});
  const std::string precision = GENERATE("precision=float32", "precision=bfloat16");
  const bool copies = precision == "precision=bfloat16";
  constexpr int64_t kRoom = 4096 + 64 * 16;  // pages and cache lines
  for (int rank = 0; rank < shape.ranks; ++rank) {
    CAPTURE(rank, shape.model, shape.expert, precision);
    int64_t state[2] = {}, parameters[2] = {};
    int64_t owned = 0, all = 0, read = 0;
    for (const int zero : {0, 1}) {
      Steps planned(
          std::make_shared<Runtime>(shape, rank, test_backend()),
          tiny_config(test_backend(), on_mesh(shape, zero, {"optimizer.name=adamw", precision})));
      planned.train_step.plan();
      state[zero] = planned.train_step.memory().optimizer;
      parameters[zero] = planned.train_step.memory().model.parameters;
      if (zero == 0) continue;
      for (const ParamRegion& region : planned.session.model.params().regions()) {
        owned += region.own.count;
        all += region.grads.numel();
        if (!region.spreads_masters) read += region.grads.numel() - region.own.count;
      }
    }
    CHECK(std::abs(state[0] - 8 * all) < kRoom);
    CHECK(std::abs(state[1] - 8 * owned) < kRoom);
    const int64_t masters = copies ? owned + read : all;
    CHECK(std::abs(parameters[1] - 4 * masters - (copies ? 2 * all : 0)) < kRoom);
    CHECK(std::abs(parameters[0] - 4 * all - (copies ? 2 * all : 0)) < kRoom);
    CHECK(state[1] < state[0]);
  }
}

}  // namespace
}  // namespace sy
