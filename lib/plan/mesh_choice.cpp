// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/mesh_choice.h"

#include <fmt/format.h>

#include "lib/config/names.h"

namespace sy {
namespace {

std::vector<int64_t> divisors(int64_t number) {
  std::vector<int64_t> found;
  for (int64_t i = 1; i <= number; ++i) {
    if (number % i == 0) found.push_back(i);
  }
  return found;
}

std::vector<MeshChoice> variants(const RunConfig& config, int64_t data, int64_t model,
                                 int64_t expert) {
  std::vector<MeshChoice> choices;
  for (const int64_t zero : {0, 1}) {
    if (zero == 1 && data == 1) continue;
    for (const bool cut : {false, true}) {
      if (cut && model == 1) continue;
      for (const Recompute recompute : {Recompute::none, Recompute::experts, Recompute::blocks}) {
        if (recompute == Recompute::experts && config.model.experts.count == 0) continue;
        choices.push_back({model, expert, zero, cut, recompute, 1});
      }
    }
  }
  return choices;
}

}  // namespace

void MeshChoice::apply(RunConfig& config) const {
  config.mesh.model = model;
  config.mesh.expert = {false, expert};
  config.mesh.zero_stage = zero_stage;
  config.mesh.sequence_parallel = sequence_parallel;
  config.train.recompute = recompute;
  config.train.micro_batch = micro_batch;
}

std::string MeshChoice::str() const {
  return fmt::format("model {}, expert {}, zero_stage {}, {}recompute {}, micro_batch {}", model,
                     expert, zero_stage, sequence_parallel ? "sequence_parallel, " : "",
                     name_of(recompute), micro_batch);
}

std::vector<std::vector<MeshChoice>> mesh_choices(const RunConfig& config, int ranks) {
  std::vector<std::vector<MeshChoice>> choices;
  for (const int64_t model : divisors(ranks)) {
    const int64_t data = ranks / model;
    const bool dense = config.model.experts.count == 0;
    for (const int64_t expert : dense ? std::vector<int64_t>{1} : divisors(data)) {
      choices.push_back(variants(config, data, model, expert));
    }
  }
  return choices;
}

}  // namespace sy
