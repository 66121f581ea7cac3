// SPDX-License-Identifier: Apache-2.0
// A step sends exactly what was planned, to the byte.
#include "lib/dist/traffic.h"

#include <catch2/catch.hpp>

#include "kernels/gemm/gemm.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

// At least two micro-batches on each of up to four ranks.
std::vector<std::string> small_steps(MeshShape mesh, const std::vector<std::string>& more) {
  std::vector<std::string> overrides{"data.encoder_length=16",
                                     "train.global_batch=8",
                                     "train.micro_batch=1",
                                     "model.experts.group_sequences=1",
                                     fmt::format("mesh.expert={}", mesh.expert),
                                     fmt::format("mesh.model={}", mesh.model)};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

std::string text(const TrafficKey& key) {
  return fmt::format("{} {} {}", key.axis, key.collective, key.label);
}

TrafficCount find(const Traffic& traffic, const TrafficKey& key) {
  const auto found = traffic.records().find(key);
  return found == traffic.records().end() ? TrafficCount{} : found->second;
}

void check_same(const Traffic& planned, const Traffic& sent) {
  Traffic all = planned;
  all.add(sent);
  for (const auto& [key, both] : all.records()) {
    const TrafficCount plan = find(planned, key), real = find(sent, key);
    INFO(text(key) << ": " << plan.calls << " calls, " << plan.bytes << " bytes planned, "
                   << real.calls << " calls, " << real.bytes << " bytes sent");
    CHECK(plan == real);
  }
}

// Runs a step on these ranks; returns what it sent.
struct CountedSteps {
  explicit CountedSteps(const RunConfig& config) : steps(make_runtime(config, &sent), config) {
    steps.train_step.plan();
    steps.train_step.allocate();
    steps.train_step.initialize();
    sent.clear();
    steps.fill();
    CHECK(steps.run().updated);
  }
  const Traffic& planned() const { return steps.train_step.traffic(); }

  Traffic sent;
  Steps steps;
};

template <class Run>
void for_each_mesh(const Run& run) {
  const int ranks = test_world().size();
  for (int model = 1; model <= ranks; model *= 2) {
    for (int expert = 1; expert <= ranks / model; expert *= 2) {
      CAPTURE(model, expert);
      run(MeshShape{ranks, model, expert});
    }
  }
}

TEST_CASE("traffic: planned bytes and calls are those of a step", "[traffic]") {
  const auto variant = GENERATE(
      std::vector<std::string>{"optimizer.name=adamw"},
      std::vector<std::string>{"precision=bfloat16"},
      std::vector<std::string>{"model.experts.convention=hugging_face", "model.experts.count=8",
                               "model.experts.capacity=fixed", "model.experts.interval=1"},
      std::vector<std::string>{"train.recompute=experts"},
      std::vector<std::string>{"train.recompute=blocks", "model.encoder_layers=3"},
      std::vector<std::string>{"model.experts.dropout=0", "model.dropout=0"},
      std::vector<std::string>{"mesh.sequence_parallel=true", "data.decoder_length=8"},
      std::vector<std::string>{"precision=bfloat16", "mesh.sequence_parallel=true",
                               "data.decoder_length=8", "train.recompute=blocks"},
      std::vector<std::string>{"mesh.zero_stage=1", "optimizer.name=adamw"},
      std::vector<std::string>{"precision=bfloat16", "mesh.zero_stage=1",
                               "mesh.sequence_parallel=true", "data.decoder_length=8"});
  CAPTURE(variant);
  const WithoutLaunchBlocking as_in_a_run;
  for_each_mesh([&](MeshShape mesh) {
    const RunConfig config = tiny_config(test_backend(), small_steps(mesh, variant));
    const CountedSteps real(config);
    check_same(real.planned(), real.sent);
    CHECK(real.sent.records().empty() == (test_world().size() == 1));
  });
}

// The same rank of the same mesh, planned without MPI.
TEST_CASE("traffic: a plan needs no ranks", "[traffic]") {
  const WithoutLaunchBlocking as_in_a_run;
  for_each_mesh([&](MeshShape shape) {
    const RunConfig config = tiny_config(test_backend(), small_steps(shape, {}));
    const CountedSteps real(config);
    const Mesh& mesh = real.steps.runtime->mesh;
    Steps planned(std::make_shared<Runtime>(mesh.shape(), mesh.rank(), test_backend()), config);
    planned.train_step.plan();
    check_same(planned.train_step.traffic(), real.sent);
    const TrainStep::Memory plan = planned.train_step.memory(),
                            used = real.steps.train_step.memory();
    CHECK(plan.model.parameters == used.model.parameters);
    CHECK(plan.model.gradients == used.model.gradients);
    CHECK(plan.model.activations == used.model.activations);
    CHECK(plan.model.scratch == used.model.scratch);
    CHECK(plan.optimizer == used.optimizer);
  });
}

// Whether a collective moves the rows of experts that are spread over ranks.
bool moves_rows(const TrafficKey& key) {
  return key.collective == "all_to_all_rows" || key.collective == "reduce_scatter_sum" ||
         key.label == "experts input" || key.label == "experts d_output";
}

// The number of rows per expert is not known in advance, so the plan is an upper bound.
TEST_CASE("traffic: dropless rows are no more than planned", "[traffic]") {
  const WithoutLaunchBlocking as_in_a_run;
  for_each_mesh([&](MeshShape mesh) {
    const RunConfig config =
        tiny_config(test_backend(), small_steps(mesh, {"model.experts.capacity=dropless"}));
    const CountedSteps real(config);
    Traffic planned_others, sent_others;
    for (const auto& [key, plan] : real.planned().records()) {
      const TrafficCount sent = find(real.sent, key);
      INFO(text(key) << ": " << plan.bytes << " planned, " << sent.bytes << " sent");
      if (!moves_rows(key)) {
        planned_others.add(key, plan);
        continue;
      }
      CHECK(sent.bytes <= plan.bytes);
      CHECK(sent.calls == plan.calls * (test_backend() == Backend::cuda ? 2 : 1));
    }
    for (const auto& [key, sent] : real.sent.records()) {
      if (!moves_rows(key)) sent_others.add(key, sent);
    }
    check_same(planned_others, sent_others);
  });
}

// Computed by hand for a mesh of 16 ranks: 4 micro-batches of 2 sequences of 32 tokens, 4 experts
// on 4 ranks.
TEST_CASE("traffic: what a plan says, worked by hand", "[traffic]") {
  const RunConfig config = tiny_config(
      test_backend(),
      {"train.global_batch=128", "data.streams=16", "mesh.expert=4", "model.experts.capacity=fixed",
       "model.experts.fixed_capacity=10", "model.experts.group_sequences=1"});
  Steps planned(std::make_shared<Runtime>(MeshShape{16, 1, 4}, 6, test_backend()), config);
  planned.train_step.plan();
  const Traffic& traffic = planned.train_step.traffic();
  // 4 experts with 2 groups of 10 slots, of which those for 3 other ranks are sent.
  const int64_t slots = 3 * 2 * 10, calls = test_backend() == Backend::cuda ? 8 : 4;
  const auto rows = [&](const char* label, int64_t bytes_a_row) {
    const TrafficCount count = find(traffic, {"expert", "all_to_all_rows", label});
    INFO(label);
    CHECK(count == TrafficCount{calls, 4 * slots * bytes_a_row});
  };
  for (const char* way : {"dispatch", "combine", "d_combine", "d_dispatch"}) {
    rows(fmt::format("encoder/layers/1/moe {}", way).c_str(), 32 * 4);
  }
  rows("encoder/layers/1/moe ids", 4);
  const std::vector<ParamRegion>& regions = planned.session.model.params().regions();
  REQUIRE(regions.size() == 2);
  const int64_t replicated = regions[0].grads.bytes(), experts = regions[1].grads.bytes();
  CHECK(find(traffic, {"data", "all_reduce_sum", "gradients"}) == TrafficCount{1, replicated});
  CHECK(find(traffic, {"replicas", "all_reduce_sum", "gradients"}) == TrafficCount{1, experts});
  CHECK(find(traffic, {"data", "all_reduce_sum", "losses"}) == TrafficCount{1, 8 * (4 + 3 * 2)});
  // Two sparse layers with four experts each, and the dropped tokens.
  CHECK(find(traffic, {"data", "all_reduce_sum", "router counts"}) == TrafficCount{1, 2 * 5 * 4});
  CHECK(find(traffic, {"expert", "all_reduce_sum", "norm of cut gradients"}) == TrafficCount{1, 8});
  // Four groups sum the squares of experts; rank 6 takes those of the first.
  CHECK(find(traffic, {"data", "broadcast", "norm of replicated gradients"}) == TrafficCount{1, 0});
  CHECK(traffic.records().size() == 2 * 5 + 6);
}

// The formulas of docs/parallelism.md for ZeRO-1: two owners of the experts, four of the rest.
TEST_CASE("traffic: sums for owners and values from them, worked by hand", "[traffic]") {
  const std::string precision = GENERATE("precision=float32", "precision=bfloat16");
  const RunConfig config =
      tiny_config(test_backend(), {"mesh.expert=2", "mesh.zero_stage=1", precision});
  Steps planned(std::make_shared<Runtime>(MeshShape{4, 1, 2}, 2, test_backend()), config);
  planned.train_step.plan();
  const Traffic& traffic = planned.train_step.traffic();
  const bool copies = precision.ends_with("bfloat16");
  int64_t regions = 0;
  for (const char* group : {"data", "replicas"}) {
    CAPTURE(group, precision);
    int64_t sums = 0, values = 0, sum_calls = 0, value_calls = 0;
    for (const ParamRegion& region : planned.session.model.params().regions()) {
      if (region.axes.has(MeshAxis::expert) != (group == std::string("replicas"))) continue;
      REQUIRE(region.runs.size() == (region.axes.has(MeshAxis::expert) ? 2 : 4));
      const bool apart = copies && region.spreads_masters;
      sums += 4 * (region.grads.numel() - region.own.count);
      values += ((apart ? 0 : 4) + (copies ? 2 : 0)) * region.own.count;
      sum_calls += 1;
      value_calls += copies && !apart ? 2 : 1;
      ++regions;
    }
    CHECK(find(traffic, {group, "reduce_scatter_sum", "gradients"}) ==
          TrafficCount{sum_calls, sums});
    CHECK(find(traffic, {group, "all_gather", "values"}) == TrafficCount{value_calls, values});
    CHECK(find(traffic, {group, "all_reduce_sum", "norm of owned gradients"}) ==
          TrafficCount{sum_calls, 8 * sum_calls});
  }
  CHECK(regions == (copies ? 3 : 2));  // norms, routers and relative biases are apart
}

// The formulas of docs/parallelism.md on two data ranks times two model ranks: four micro-batches
// of two sequences, one dense and one sparse block per stack. Experts are whole or spread.
TEST_CASE("traffic: the model axis, worked by hand", "[traffic]") {
  const bool spread = GENERATE(false, true);
  const RunConfig config = tiny_config(
      test_backend(),
      {spread ? "mesh.expert=2" : "mesh.expert=1", "mesh.model=2", "model.experts.capacity=fixed",
       "model.experts.fixed_capacity=10", "model.experts.group_sequences=1"});
  Steps planned(std::make_shared<Runtime>(MeshShape{4, 2, spread ? 2 : 1}, 2, test_backend()),
                config);
  planned.train_step.plan();
  const Traffic& traffic = planned.train_step.traffic();
  const int64_t micro_batches = 4,
                decoder_length = planned.session.config.data.decoder_length.value;
  const int64_t encoder = 2 * 32, decoder = 2 * decoder_length, row = 32 * 4;
  const auto check = [&](const char* collective, const char* label, int64_t calls, int64_t bytes) {
    INFO(label);
    const TrafficCount count = find(traffic, {"model", collective, label});
    CHECK(count == TrafficCount{calls * micro_batches, bytes * micro_batches});
  };
  const auto sum = [&](const char* label, int64_t calls, int64_t bytes) {
    check("all_reduce_sum", label, calls, bytes);
  };
  sum("embedding", 2, (encoder + decoder) * row);
  for (const char* label : {"attention output", "attention d_input"}) {
    sum(label, 2 + 4, (2 * encoder + 4 * decoder) * row);
  }
  for (const char* label : {"ffn output", "ffn d_input"}) sum(label, 2, (encoder + decoder) * row);
  // 4 experts with 2 groups of 10 rows in the encoder, and of all its tokens in the decoder; half
  // of the columns are another rank's.
  REQUIRE(decoder_length < 10);
  const int64_t half_rows = 4 * 2 * (10 + decoder_length) * row / 2;
  const int64_t half = (encoder + decoder) * row / 2;
  const int64_t parts = test_backend() == Backend::cuda ? 4 : 2;
  for (const char* label : {"experts output", "experts d_input"}) {
    if (!spread) sum(label, 2, 2 * half);
    if (spread) check("reduce_scatter_sum", label, parts, half_rows);
  }
  for (const char* label : {"experts input", "experts d_output"}) {
    if (spread) check("all_gather", label, parts, half_rows);
  }
  for (const char* label : {"experts tokens", "experts d_tokens"}) {
    if (spread) check("all_gather", label, 2, half);
  }
  sum("gates d_output", 2, (encoder + decoder) * 4);
  sum("encoder output gradient", 1, encoder * row);
  sum("loss d_input", 1, decoder * row);
  check("all_gather", "cross-entropy", 1, decoder * 24);

  const ParamStore& params = planned.session.model.params();
  REQUIRE(params.regions().size() == 3);  // replicated; sharded; experts, sharded
  CHECK(find(traffic, {"model", "broadcast", "gradients of replicated parameters"}) ==
        TrafficCount{1, params.regions()[0].grads.bytes()});
  // Two sums per matrix: the embedding, six attentions of four, two relative biases, two dense
  // layers of two, and two of each of this rank's experts in two sparse layers.
  const int64_t matrices = 1 + 6 * 4 + 2 + 2 * 2 + 2 * 2 * (spread ? 2 : 4);
  CHECK(find(traffic, {"model", "all_reduce_sum", "adafactor"}) == TrafficCount{1, 16 * matrices});
  CHECK(find(traffic, {"model", "all_reduce_sum", "norm of cut gradients"}) == TrafficCount{2, 16});
  CHECK(find(traffic, {"model", "broadcast", "norm of replicated gradients"}) ==
        TrafficCount{1, 24});
  int64_t labels = 0;
  for (const auto& [key, count] : traffic.records()) labels += key.axis == "model" ? 1 : 0;
  CHECK(labels == (spread ? 19 : 15));
}

// The same with the residual stream shared out by rows: half of them are another rank's.
TEST_CASE("traffic: sequence parallelism, worked by hand", "[traffic]") {
  const bool spread = GENERATE(false, true);
  const RunConfig config = tiny_config(
      test_backend(), {spread ? "mesh.expert=2" : "mesh.expert=1", "mesh.model=2",
                       "mesh.sequence_parallel=true", "model.experts.group_sequences=1"});
  Steps planned(std::make_shared<Runtime>(MeshShape{4, 2, spread ? 2 : 1}, 2, test_backend()),
                config);
  planned.train_step.plan();
  const Traffic& traffic = planned.train_step.traffic();
  const int64_t micro_batches = 4, row = 32 * 4;
  const int64_t encoder = 32 * row;  // bytes of half of two sequences
  const int64_t decoder = planned.session.config.data.decoder_length.value * row;
  const int64_t both = encoder + decoder, attentions = 2 * encoder + 4 * decoder;
  const auto check = [&](const char* collective, const char* label, int64_t calls, int64_t bytes) {
    INFO(collective << " " << label);
    const TrafficCount count = find(traffic, {"model", collective, label});
    CHECK(count == TrafficCount{calls * micro_batches, bytes * micro_batches});
  };
  const auto sum = [&](const char* label, int64_t calls, int64_t bytes) {
    check("reduce_scatter_sum", label, calls, bytes);
  };
  const auto gather = [&](const char* label, int64_t calls, int64_t bytes) {
    check("all_gather", label, calls, bytes);
  };
  sum("embedding", 2, both);
  for (const char* label : {"attention output", "attention d_input"}) sum(label, 6, attentions);
  for (const char* label : {"ffn output", "ffn d_input"}) sum(label, 2, both);
  sum("encoder output gradient", 1, encoder);
  sum("loss d_input", 1, decoder);
  gather("attention input", 12, 2 * attentions);
  gather("attention d_output", 6, attentions);
  for (const char* label : {"ffn input", "router input"}) gather(label, 4, 2 * both);
  for (const char* label : {"ffn d_output", "embedding d_output", "stack output"}) {
    gather(label, 2, both);
  }
  for (const char* label : {"experts tokens", "experts d_tokens", "experts d_combined"}) {
    if (spread) check("all_to_all", label, 2, both / 2);
  }
  if (!spread) {
    for (const char* label : {"experts output", "experts d_input"}) sum(label, 2, both);
    gather("experts d_combined", 2, both);
  }
  const ParamRegion& norms = planned.session.model.params().regions()[1];
  CHECK(norms.partial_over_model);
  CHECK(find(traffic, {"model", "all_reduce_sum", "gradients of partial sums"}) ==
        TrafficCount{1, norms.grads.bytes()});
}

Traffic planned_traffic(const std::string& recompute) {
  const RunConfig config =
      tiny_config(test_backend(), {"mesh.expert=2", "mesh.model=2", "model.experts.interval=1",
                                   "train.recompute=" + recompute});
  Steps planned(std::make_shared<Runtime>(MeshShape{4, 2, 2}, 2, test_backend()), config);
  planned.train_step.plan();
  return planned.train_step.traffic();
}

// The same mesh; both blocks of each stack are sparse, and the first of them runs again: its rows
// are sent again, and its attention is summed again, but not what comes out of its experts.
TEST_CASE("traffic: what is computed again, worked by hand", "[traffic]") {
  const Traffic none = planned_traffic("none"), blocks = planned_traffic("blocks");
  check_same(none, planned_traffic("experts"));
  Traffic expected = none;
  for (const char* stack : {"encoder", "decoder"}) {
    for (const char* what : {"ids", "dispatch", "combine"}) {
      const TrafficKey key{"expert", "all_to_all_rows",
                           fmt::format("{}/layers/0/moe {}", stack, what)};
      REQUIRE(find(none, key).bytes > 0);
      expected.add(key, find(none, key));
    }
  }
  // The two blocks of a stack are alike.
  for (const TrafficKey& key : {TrafficKey{"model", "all_reduce_sum", "attention output"},
                                TrafficKey{"model", "all_gather", "experts input"},
                                TrafficKey{"model", "reduce_scatter_sum", "experts output"}}) {
    const TrafficCount all = find(none, key);
    REQUIRE(all.bytes > 0);
    expected.add(key, {all.calls / 2, all.bytes / 2});
  }
  check_same(expected, blocks);
}

}  // namespace
}  // namespace sy
