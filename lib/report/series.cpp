// SPDX-License-Identifier: Apache-2.0
#include "lib/report/series.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "lib/base/error.h"

namespace sy::report {

std::vector<Point> decimate(const std::vector<Point>& points, size_t most) {
  SY_CHECK(most >= 4, "a curve of {} points", most);
  if (points.size() <= most) return points;
  const size_t inner = points.size() - 2, stretches = (most - 2) / 2;
  std::vector<Point> kept{points.front()};
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = points.begin() + 1 + static_cast<std::ptrdiff_t>(i * inner / stretches);
    const auto end = points.begin() + 1 + static_cast<std::ptrdiff_t>((i + 1) * inner / stretches);
    const auto [low, high] = std::minmax_element(
        begin, end, [](const Point& a, const Point& b) { return a.value < b.value; });
    kept.push_back(*std::min(low, high));
    if (low != high) kept.push_back(*std::max(low, high));
  }
  kept.push_back(points.back());
  return kept;
}

std::vector<Point> finite_points(const std::vector<Point>& points) {
  std::vector<Point> finite;
  std::copy_if(points.begin(), points.end(), std::back_inserter(finite),
               [](const Point& point) { return std::isfinite(point.value); });
  return finite;
}

}  // namespace sy::report
