// SPDX-License-Identifier: Apache-2.0
#include "lib/train/replay_report.h"

#include <algorithm>
#include <map>

#include "lib/measure/probes.h"

namespace sy {

std::string name_ranks(const std::vector<int>& ranks, Mesh& mesh) {
  const std::vector<std::string> hosts = gather_hosts(mesh.world());
  std::string text;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (i > 0) text += i + 1 < ranks.size() ? ", " : " and ";
    text += fmt::format("rank {} ({})", ranks[i], hosts[static_cast<size_t>(ranks[i])]);
  }
  return text;
}

std::vector<int> unlike(const std::vector<int>& ranks, const std::vector<uint64_t>& values) {
  std::map<uint64_t, size_t> times;
  for (const uint64_t value : values) ++times[value];
  if (times.size() <= 1) return {};
  const auto most = std::max_element(
      times.begin(), times.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const bool majority = 2 * most->second > values.size();
  std::vector<int> found;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (!majority || values[i] != most->first) found.push_back(ranks[i]);
  }
  return found;
}

std::vector<int> exchanging_with(int rank, const MeshShape& shape) {
  const MeshPlace here{shape, rank};
  std::vector<int> found;
  for (int other = 0; other < shape.ranks; ++other) {
    if (other != rank && MeshPlace{shape, other}.replica() == here.replica())
      found.push_back(other);
  }
  return found;
}

}  // namespace sy
