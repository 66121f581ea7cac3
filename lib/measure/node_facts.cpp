// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/node_facts.h"

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/checkpoint/durable.h"

namespace sy {
namespace {

// The fields of each kind, for reading and writing alike.

template <class Visit>
void visit_fields(auto& folder, const FolderFacts&, Visit&& visit) {
  visit("path", folder.path);
  visit("free_bytes", folder.free_bytes);
  visit("bytes_per_second", folder.bytes_per_second);
  visit("error", folder.error);
}

template <class Visit>
void visit_fields(auto& process, const ForeignProcess&, Visit&& visit) {
  visit("pid", process.pid);
  visit("user", process.user);
  visit("command", process.command);
  visit("cores", process.cores);
}

template <class Visit>
void visit_fields(auto& gpu, const GpuFacts&, Visit&& visit) {
  visit("index", gpu.index);
  visit("uuid", gpu.uuid);
  visit("name", gpu.name);
  visit("uncorrected_errors", gpu.uncorrected_errors);
  visit("slowed_by", gpu.slowed_by);
  visit("remapping_pending", gpu.remapping_pending);
  visit("remapping_failed", gpu.remapping_failed);
  visit("bfloat16_flops", gpu.bfloat16_flops);
}

template <class Visit>
void visit_fields(auto& facts, const NodeFacts&, Visit&& visit) {
  visit("node", facts.node);
  visit("started", facts.started);
  visit("clock_synchronised", facts.clock_synchronised);
  visit("cores", facts.cores);
  visit("allowed_cores", facts.allowed_cores);
  visit("locked_memory_bytes", facts.locked_memory_bytes);
  visit("rdma", facts.rdma);
  visit("shared_memory", facts.shared_memory);
  visit("folders", facts.folders);
  visit("foreign", facts.foreign);
  visit("memory_bytes_per_second", facts.memory_bytes_per_second);
  visit("float32_flops", facts.float32_flops);
  visit("gpus", facts.gpus);
  visit("gpu_processes", facts.gpu_processes);
  visit("gpu_error", facts.gpu_error);
}

template <class Facts>
void write_fields(Json& json, const Facts& facts) {
  visit_fields(facts, facts, [&json](const char* key, const auto& value) { json[key] = value; });
}

template <class Facts>
void read_fields(const Json& json, Facts& facts) {
  visit_fields(facts, facts, [&json](const char* key, auto& value) { json.at(key).get_to(value); });
}

}  // namespace

// Where nlohmann-json looks for them.
static void to_json(Json& json, const FolderFacts& folder) {
  write_fields(json, folder);
}
static void to_json(Json& json, const ForeignProcess& process) {
  write_fields(json, process);
}
static void to_json(Json& json, const GpuFacts& gpu) {
  write_fields(json, gpu);
}
static void from_json(const Json& json, FolderFacts& folder) {
  read_fields(json, folder);
}
static void from_json(const Json& json, ForeignProcess& process) {
  read_fields(json, process);
}
static void from_json(const Json& json, GpuFacts& gpu) {
  read_fields(json, gpu);
}

Json node_json(const NodeFacts& facts) {
  Json json;
  write_fields(json, facts);
  return json;
}

void write_node_facts(const NodeFacts& facts, const std::string& folder) {
  checkpoint::make_folder(folder);
  const std::string path = fmt::format("{}/{}.json", folder, facts.node);
  checkpoint::write_synced(path + ".partial", json_line(node_json(facts)) + "\n");
  checkpoint::rename_path(path + ".partial", path);
}

NodeFacts read_node_facts(const std::string& path) {
  constexpr JsonLimits kLimits{.bytes = 1 << 20, .depth = 4};
  const Json json = parse_json(checkpoint::read_text(path, kLimits.bytes), path, kLimits);
  NodeFacts facts;
  try {
    read_fields(json, facts);
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{}: {}; let this version's `switchyard doctor node` write it anew",
                                path, error.what()));
  }
  return facts;
}

}  // namespace sy
