// SPDX-License-Identifier: Apache-2.0
#include "lib/config/names.h"
#include "lib/plan/plan.h"
#include "lib/plan/search.h"

namespace sy {

std::string search_text(const std::vector<Candidate>& found, const SearchOptions& options) {
  std::string text = fmt::format(
      "{} meshes of {} ranks, {} a rank, on {} ({})\n  step s   MFU %       memory  mesh\n",
      found.size(), options.ranks, bytes_text(options.memory_limit), options.device.name,
      options.device.source);
  for (const Candidate& each : found) {
    const std::string mesh = each.choice.str();
    text +=
        each.fault.empty()
            ? fmt::format("{:>8.4g} {:>7.1f} {:>12}  {}\n", each.time.total(), 100 * each.time.mfu,
                          bytes_text(static_cast<double>(each.bytes)), mesh)
            : fmt::format("      no                       {}: {}\n", mesh, each.fault);
  }
  return text;
}

Json search_json(const std::vector<Candidate>& found, const SearchOptions& options) {
  Json list = Json::array();
  for (const Candidate& each : found) {
    const MeshChoice& choice = each.choice;
    Json json{{"model", choice.model},
              {"expert", choice.expert},
              {"zero_stage", choice.zero_stage},
              {"sequence_parallel", choice.sequence_parallel},
              {"recompute", name_of(choice.recompute)},
              {"micro_batch", choice.micro_batch}};
    if (each.bytes > 0) json["memory_bytes"] = each.bytes;
    if (each.fault.empty()) {
      json["step_seconds"] = each.time.total();
      json["mfu"] = each.time.mfu;
    } else {
      json["fault"] = each.fault;
    }
    list.push_back(json);
  }
  return {{"ranks", options.ranks},
          {"memory_limit_bytes", options.memory_limit},
          {"device", device_json(options.device)},
          {"meshes", list}};
}

}  // namespace sy
