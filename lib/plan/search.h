// SPDX-License-Identifier: Apache-2.0
// The meshes of a number of ranks, ranked by the time of a step within a memory limit.
#pragma once

#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/plan/mesh_choice.h"
#include "lib/plan/step_time.h"

namespace sy {

struct Candidate {
  MeshChoice choice;
  int64_t bytes = 0;  // of a rank: Plan::working_bytes()
  StepTime time;
  std::string fault;  // why it does not count; "" if it does
};

struct SearchOptions {
  int ranks = 1;
  int threads = 1;
  double memory_limit = 0;  // bytes of a rank
  Device device;
};

// Every mesh that divides the ranks: model and expert sizes, both ZeRO stages where there are data
// ranks, sequence_parallel where there are model ranks, all three of recompute, and micro-batches
// of whole routing groups: powers of two of the smallest, and that of `config`. Those that count
// come first, by time; the others follow with their reason, of which one line stands for all larger
// micro-batches, and for all that may be chosen for a mesh that does not work at all. Each is
// planned as a run would be. Throws ConfigError if all have the same fault.
std::vector<Candidate> search_meshes(const RunConfig& config, const SearchOptions& options);

std::string search_text(const std::vector<Candidate>& found, const SearchOptions& options);
Json search_json(const std::vector<Candidate>& found, const SearchOptions& options);

}  // namespace sy
