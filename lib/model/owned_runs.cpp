// SPDX-License-Identifier: Apache-2.0
#include "lib/model/owned_runs.h"

#include <algorithm>

namespace sy {
namespace {

// The element of starts, or the end, that is nearest to `ideal`; the first of two.
int64_t nearest(const std::vector<int64_t>& starts, int64_t size, double ideal) {
  const auto after =
      std::lower_bound(starts.begin(), starts.end(), ideal,
                       [](int64_t start, double at) { return static_cast<double>(start) < at; });
  const int64_t above = after == starts.end() ? size : *after;
  const int64_t below = after == starts.begin() ? above : *(after - 1);
  return static_cast<double>(above) - ideal < ideal - static_cast<double>(below) ? above : below;
}

}  // namespace

std::vector<RowRange> balanced_runs(const std::vector<int64_t>& starts, int64_t size, int ranks) {
  std::vector<RowRange> runs;
  int64_t begin = 0;
  for (int rank = 1; rank <= ranks; ++rank) {
    const double ideal = static_cast<double>(size) * rank / ranks;
    const int64_t end = rank == ranks ? size : nearest(starts, size, ideal);
    runs.push_back({begin, end - begin});
    begin = end;
  }
  return runs;
}

std::vector<RowRange> pieces_within(const std::vector<RowRange>& runs, RowRange range) {
  std::vector<RowRange> pieces;
  const auto inside = [&](int64_t at) {
    return std::clamp(at, range.first, range.first + range.count) - range.first;
  };
  for (const RowRange& run : runs) {
    const int64_t begin = inside(run.first);
    pieces.push_back({begin, inside(run.first + run.count) - begin});
  }
  return pieces;
}

}  // namespace sy
