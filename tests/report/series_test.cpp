// SPDX-License-Identifier: Apache-2.0
#include "lib/report/series.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/report/heat_map.h"
#include "lib/report/router_history.h"

namespace sy::report {
namespace {

std::vector<Point> wave(int count) {
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) points.push_back({{i + 1.0, 0, 0}, std::sin(i * 0.01)});
  return points;
}

std::vector<double> steps_of(const std::vector<Point>& points) {
  std::vector<double> steps;
  for (const Point& point : points) steps.push_back(point.at.steps);
  return steps;
}

TEST_CASE("series: few points are all kept", "[series]") {
  const int count = GENERATE(0, 1, 2, 40);
  CHECK(steps_of(decimate(wave(count), 40)) == steps_of(wave(count)));
}

TEST_CASE("series: of many points the ends, every spike and their order are kept", "[series]") {
  std::vector<Point> points = wave(100001);
  const int spike = GENERATE(1, 7, 12345, 50000, 99999);
  points.at(static_cast<size_t>(spike)).value = GENERATE(100.0, -100.0);
  for (const size_t most : {4, 5, 40, 1000}) {
    const std::vector<Point> kept = decimate(points, most);
    CAPTURE(spike, most);
    CHECK(kept.size() <= most);
    CHECK(kept.size() + 2 >= most);
    CHECK(kept.front().at.steps == 1);
    CHECK(kept.back().at.steps == 100001);
    const std::vector<double> steps = steps_of(kept);
    CHECK(std::is_sorted(steps.begin(), steps.end()));
    CHECK(std::adjacent_find(steps.begin(), steps.end()) == steps.end());
    CHECK(std::count(steps.begin(), steps.end(), spike + 1.0) == 1);
  }
}

TEST_CASE("series: values that are not finite are left out", "[series]") {
  std::vector<Point> points = wave(4);
  points[1].value = std::numeric_limits<double>::quiet_NaN();
  points[2].value = -std::numeric_limits<double>::infinity();
  CHECK(steps_of(finite_points(points)) == std::vector<double>{1, 4});
}

RouterHistory history_of(int lines) {
  RouterHistory history;
  for (int i = 1; i <= lines; ++i) {
    history.add_line(i);
    history.add("encoder/layers/1", {1.0 * i, 0, 0.5, std::nan("")});
    history.add("decoder/layers/1", {2.0 * i, 0, 0.5, std::nan("")});
  }
  return history;
}

TEST_CASE("series: a router's history has few columns, each the mean of its lines", "[series]") {
  const int lines = GENERATE(1, 127, 128, 129, 1000, 4097);
  const RouterHistory history = history_of(lines);
  const auto& columns = history.columns();
  CAPTURE(lines, columns.size());
  CHECK(columns.size() <= 2 * RouterHistory::kColumns);
  CHECK(columns.size() >= std::min<size_t>(static_cast<size_t>(lines), RouterHistory::kColumns));
  CHECK(columns.front().first_step == 1);
  CHECK(columns.back().last_step == lines);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) CHECK(columns[i].first_step == columns[i - 1].last_step + 1);
    if (i + 1 < columns.size()) {
      CHECK(columns[i].last_step - columns[i].first_step ==
            columns[0].last_step - columns[0].first_step);
    }
    CHECK(history.mean(0, 0, i) == Approx((columns[i].first_step + columns[i].last_step) / 2));
    CHECK(history.mean(1, 0, i) == Approx(columns[i].first_step + columns[i].last_step));
    CHECK(std::isnan(history.mean(0, 3, i)));
  }
}

TEST_CASE("series: a coarser history means the same", "[series]") {
  const RouterHistory history = history_of(GENERATE(1, 11, 100)).coarser(10);
  CHECK(history.columns().size() <= 10);
  for (size_t i = 0; i < history.columns().size(); ++i) {
    const auto& column = history.columns()[i];
    CHECK(history.mean(0, 0, i) == Approx((column.first_step + column.last_step) / 2));
  }
}

TEST_CASE("series: the levels of a heat map share out the range of all runs", "[series]") {
  const RouterHistory first = history_of(8), second = history_of(11);
  const std::vector<double> bounds = level_bounds({&first, &second}, 0);
  REQUIRE(bounds.size() == kLevels + 1);
  CHECK(bounds.front() == 1);
  CHECK(bounds.back() == 22);
  CHECK(level_of(1, bounds) == 0);
  CHECK(level_of(3.99, bounds) == 0);
  CHECK(level_of(4, bounds) == 1);
  CHECK(level_of(22, bounds) == kLevels - 1);
  CHECK(level_of(5, std::vector<double>(kLevels + 1, 5.0)) < kLevels);
  CHECK(short_layer_name("encoder/layers/11/self_attention") == "enc 11 att");
}

}  // namespace
}  // namespace sy::report
