// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/search.h"

#include <algorithm>

#include "lib/config/config.h"
#include "lib/plan/plan.h"

namespace sy {
namespace {

std::vector<int64_t> divisors(int64_t number) {
  std::vector<int64_t> found;
  for (int64_t i = 1; i <= number; ++i) {
    if (number % i == 0) found.push_back(i);
  }
  return found;
}

// Every choice, without its micro-batch.
std::vector<MeshChoice> all_choices(const RunConfig& config, int ranks) {
  std::vector<MeshChoice> choices;
  for (const int64_t model : divisors(ranks)) {
    for (const int64_t expert : divisors(ranks / model)) {
      if (expert > 1 && config.model.experts.count % expert != 0) continue;
      for (const int64_t zero : {0, 1}) {
        for (const bool cut : {false, true}) {
          if (cut && model == 1) continue;
          for (const Recompute recompute :
               {Recompute::none, Recompute::experts, Recompute::blocks}) {
            if (recompute == Recompute::experts && config.model.experts.count == 0) continue;
            choices.push_back({model, expert, zero, cut, recompute, 1});
          }
        }
      }
    }
  }
  return choices;
}

class Search {
 public:
  Search(const RunConfig& config, const SearchOptions& options)
      : config_(config),
        options_(options),
        base_(plan_input(valid(config), 1, options.threads, options.device.gpu)) {}

  std::vector<Candidate> run() {
    for (const MeshChoice& choice : all_choices(config_, options_.ranks)) try_batches(choice);
    std::ranges::stable_sort(found_, [](const Candidate& a, const Candidate& b) {
      if (a.fault.empty() != b.fault.empty()) return a.fault.empty();
      return a.fault.empty() && a.time.total() < b.time.total();
    });
    return std::move(found_);
  }

 private:
  // On one rank: the tokenizer, and errors that every mesh would have, before any is tried.
  static RunConfig valid(RunConfig config) {
    MeshChoice alone;
    alone.micro_batch = config.train.micro_batch;
    alone.apply(config);
    return config;
  }

  // A micro-batch too small for a routing group is passed over. Larger ones take more memory, and
  // what else is wrong stays wrong: the first that fails ends the row.
  void try_batches(MeshChoice choice) {
    const int64_t most =
        std::max<int64_t>(1, config_.train.global_batch / (options_.ranks / choice.model));
    for (choice.micro_batch = 1; choice.micro_batch <= most; choice.micro_batch *= 2) {
      const Candidate candidate = plan(choice);
      const bool too_small = candidate.fault.starts_with("train.micro_batch");
      if (too_small && choice.micro_batch * 2 <= most) continue;
      found_.push_back(candidate);
      if (!candidate.fault.empty()) return;
    }
  }

  Candidate plan(const MeshChoice& choice) const {
    Candidate candidate{choice, 0, {}, ""};
    try {
      PlanInput input = base_;
      choice.apply(input.config);
      input.shape = mesh_shape(input.config, options_.ranks);
      RankPlan first(input, 0);
      const TrainStep::Memory memory = largest_memory(input, first);
      candidate.bytes =
          total_bytes(memory_regions(input, first, memory, options_.device), input.on_gpu);
      if (static_cast<double>(candidate.bytes) > options_.memory_limit) {
        candidate.fault =
            fmt::format("needs {}, and a rank has {}", in_gib(static_cast<double>(candidate.bytes)),
                        in_gib(options_.memory_limit));
      } else {
        candidate.time = estimate_step(input, first, memory, options_.device);
      }
    } catch (const ConfigError& error) {
      const std::string message = error.what();
      candidate.fault = message.substr(0, message.find('\n'));
    }
    return candidate;
  }

  RunConfig config_;
  SearchOptions options_;
  PlanInput base_;
  std::vector<Candidate> found_;
};

}  // namespace

void MeshChoice::apply(RunConfig& config) const {
  config.mesh.model = model;
  config.mesh.expert = {false, expert};
  config.mesh.zero_stage = zero_stage;
  config.mesh.sequence_parallel = sequence_parallel;
  config.train.recompute = recompute;
  config.train.micro_batch = micro_batch;
}

std::vector<Candidate> search_meshes(const RunConfig& config, const SearchOptions& options) {
  return Search(config, options).run();
}

}  // namespace sy
