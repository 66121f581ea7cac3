// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/rank_plan.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "lib/config/config.h"
#include "lib/data/tokenizer/tokenizer.h"
#include "lib/tensor/memory.h"

namespace sy {
namespace {

std::shared_ptr<const Tokenizer> tokenizer_for(const RunConfig& config) {
  const std::string& model = config.data.tokenizer;
  const bool from_file = config.data.format == DataFormat::text && !is_byte_tokenizer(model);
  if (!from_file || std::filesystem::exists(model)) return open_tokenizer(config);
  if (!config.model.vocab_size.is_auto) return nullptr;
  throw ConfigError(fmt::format(
      "model.vocab_size: auto needs the tokenizer, and data.tokenizer {} does not exist; set a "
      "number, as in --set model.vocab_size=32128",
      model));
}

#ifdef SY_HAVE_CUDA
constexpr Backend kGpuKernels = Backend::cuda;
#else
constexpr Backend kGpuKernels = Backend::cpu;
#endif

}  // namespace

PlanInput plan_input(const RunConfig& config, int ranks, int threads, bool on_gpu) {
  return {config,
          tokenizer_for(config),
          mesh_shape(config, ranks),
          threads,
          on_gpu,
          on_gpu ? kGpuKernels : Backend::cpu,
          resident_bytes()};
}

RankPlan::RankPlan(const PlanInput& input, int rank, CallListener* listener)
    : runtime(input.shape, rank, input.backend, input.threads),
      session(runtime, input.config, input.tokenizer, /*training=*/true),
      step(session) {
  runtime.exec.state<PlannedCalls>().listener = listener;
  step.plan();
}

HeldBytes held_bytes(const PlanInput& input, int rank) {
  Runtime runtime(input.shape, rank, input.backend, input.threads);
  Session session(runtime, input.config, input.tokenizer, /*training=*/true);
  Arena values("parameters"), grads("gradients"), state("optimiser");
  session.model.params().plan(values, grads);
  make_optimizer(session.config.optimizer, session.model.params())->plan(state);
  return {values.bytes(), grads.bytes(), state.bytes()};
}

void raise_regions(TrainStep::Memory& most, const TrainStep::Memory& memory) {
  const auto raise_one = [](int64_t& to, int64_t from) { to = std::max(to, from); };
  raise_one(most.model.parameters, memory.model.parameters);
  raise_one(most.model.gradients, memory.model.gradients);
  raise_one(most.model.activations, memory.model.activations);
  raise_one(most.model.scratch, memory.model.scratch);
  raise_one(most.optimizer, memory.optimizer);
}

TrainStep::Memory largest_memory(const PlanInput& input, const RankPlan& first) {
  TrainStep::Memory most = first.step.memory();
  if (input.config.mesh.zero_stage == 0) return most;
  std::set<int> largest;  // the ranks that hold most of something
  // The ranks of a model group own the same slices.
  for (int rank = 0; rank < input.shape.ranks; rank += input.shape.model) {
    const HeldBytes held = held_bytes(input, rank);
    const bool more = held.parameters > most.model.parameters || held.optimizer > most.optimizer;
    if (more) largest.insert(rank);
    TrainStep::Memory memory;
    memory.model.parameters = held.parameters;
    memory.model.gradients = held.gradients;
    memory.optimizer = held.optimizer;
    raise_regions(most, memory);
  }
  for (const int rank : largest) raise_regions(most, RankPlan(input, rank).step.memory());
  return most;
}

}  // namespace sy
