// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "lib/config/config.h"
#include "lib/config/names.h"
#include "lib/plan/plan.h"
#include "lib/plan/wire.h"

namespace sy {
namespace {

Json parameters_json(const ParameterCount& parameters) {
  Json parts;
  for (size_t i = 0; i < kModelParts; ++i) {
    parts[name_of(static_cast<ModelPart>(i))] = parameters.of_part[i];
  }
  return {{"total", parameters.total}, {"active", parameters.active}, {"by_part", parts}};
}

Json mesh_json(const Plan& plan) {
  const MeshSection& mesh = plan.config.mesh;
  return {{"data", plan.shape.data()},
          {"expert", plan.shape.expert},
          {"model", plan.shape.model},
          {"zero_stage", mesh.zero_stage},
          {"sequence_parallel", mesh.sequence_parallel}};
}

Json wire_json(const Traffic& traffic) {
  Json list = Json::array();
  for (const auto& [key, count] : traffic.records()) {
    list.push_back({{"group", key.axis},
                    {"collective", key.collective},
                    {"label", key.label},
                    {"calls", count.calls},
                    {"bytes", count.bytes}});
  }
  return list;
}

Json time_json(const Plan& plan) {
  const StepTime& time = *plan.time;
  Json json{{"seconds", time.total()},
            {"products", time.products},
            {"attention", time.attention},
            {"elementwise", time.elementwise},
            {"update", time.update},
            {"wire", time.wire},
            {"waiting", time.waiting},
            {"tokens_per_second", time.tokens_per_second},
            {"mfu", time.mfu}};
  if (plan.token_budget) {
    json["budget_tokens"] = *plan.token_budget;
    json["budget_seconds"] = *plan.token_budget / time.tokens_per_second;
  }
  return json;
}

}  // namespace

Json plan_json(const Plan& plan) {
  Json memory, sources, collectives = Json::object();
  for (const MemoryRegion& region : plan.memory) {
    memory[region.name] = region.bytes;
    sources[region.name] = {{"where", region.on_device ? "device" : "host"},
                            {"source", region.source}};
  }
  for (const auto& [name, bytes] : bytes_by_collective(plan.wire)) collectives[name] = bytes;
  Json json{{"name", plan.config.run.name},
            {"ranks", plan.shape.ranks},
            {"mesh", mesh_json(plan)},
            {"threads", plan.threads},
            {"recompute", name_of(plan.config.train.recompute)},
            {"micro_batch", plan.config.train.micro_batch},
            {"micro_batches", plan.micro_batches},
            {"parameters", parameters_json(plan.parameters)},
            {"flops_per_sequence", plan.flops_per_sequence},
            {"kaplan_flops_per_sequence", plan.kaplan_flops},
            {"memory_bytes_per_rank", memory},
            {"memory_sources", sources},
            {"device_bytes_per_rank", total_bytes(plan.memory, true)},
            {"host_bytes_per_rank", total_bytes(plan.memory, false)},
            {"not_included", plan.not_included()},
            {"bytes_on_wire_per_step", collectives},
            {"wire", wire_json(plan.wire)},
            {"checkpoint_bytes", plan.checkpoint_bytes}};
  if (plan.device) json["device"] = device_json(*plan.device);
  if (plan.time) json["step"] = time_json(plan);
  return json;
}

}  // namespace sy
