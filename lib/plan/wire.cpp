// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/wire.h"

#include <algorithm>
#include <cmath>

#include "lib/dist/mesh_groups.h"

namespace sy {
namespace {

// The slowest of the groups of a name, which are all of one size.
struct GroupLink {
  double ranks;
  Link link;
};

GroupLink link_of(const std::string& group, const MeshShape& shape, const Device& device) {
  const bool one_host = on_one_host(group, shape, device.ranks_per_host);
  return {static_cast<double>(group_ranks(group, {shape, 0}).size()),
          one_host ? device.within_host : device.between_hosts};
}

// By the names that the traffic has.
std::map<std::string, GroupLink> links_of(const Traffic& traffic, const MeshShape& shape,
                                          const Device& device) {
  std::map<std::string, GroupLink> links;
  for (const auto& [key, count] : traffic.records()) {
    if (!links.contains(key.axis)) links[key.axis] = link_of(key.axis, shape, device);
  }
  return links;
}

// Bytes that an average owner contributes to the gathering of values after an update.
double average_own_values(const ParamStore& params) {
  double bytes = 0;
  for (const ParamRegion& region : params.regions()) {
    if (!region.is_spread()) continue;
    bytes += static_cast<double>(region.values.bytes() + region.compute.bytes()) /
             static_cast<double>(region.runs.size());
  }
  return bytes;
}

// Bytes that pass a rank's link, of those that traffic.h counts.
double moved_bytes(const TrafficKey& key, double counted, double ranks) {
  if (key.collective.starts_with("all_reduce")) return 2 * (ranks - 1) / ranks * counted;
  if (key.collective == "all_gather") return (ranks - 1) * counted;
  return counted;
}

}  // namespace

std::map<std::string, int64_t> bytes_by_collective(const Traffic& traffic) {
  std::map<std::string, int64_t> bytes;
  for (const auto& [key, count] : traffic.records()) bytes[key.collective] += count.bytes;
  return bytes;
}

bool on_one_host(const std::string& group, const MeshShape& shape, int64_t ranks_per_host) {
  std::vector<bool> seen(static_cast<size_t>(shape.ranks));
  for (int rank = 0; rank < shape.ranks; ++rank) {
    if (seen[static_cast<size_t>(rank)]) continue;
    for (const int member : group_ranks(group, {shape, rank})) {
      if (member / ranks_per_host != rank / ranks_per_host) return false;
      seen[static_cast<size_t>(member)] = true;
    }
  }
  return true;
}

double wire_seconds(const Traffic& traffic, const MeshShape& shape, const ParamStore& params,
                    const Device& device) {
  const std::map<std::string, GroupLink> links = links_of(traffic, shape, device);
  double seconds = 0;
  for (const auto& [key, count] : traffic.records()) {
    const GroupLink& group = links.at(key.axis);
    const bool gathers_values = key.collective == "all_gather" && key.label == "values";
    const double counted =
        gathers_values ? average_own_values(params) : static_cast<double>(count.bytes);
    const double doublings = std::ceil(std::log2(group.ranks));
    const double latencies = key.collective.starts_with("all_reduce") ? 2 * doublings : doublings;
    seconds += static_cast<double>(count.calls) * latencies * group.link.latency_seconds +
               moved_bytes(key, counted, group.ranks) / group.link.bytes_per_second;
  }
  return seconds;
}

}  // namespace sy
