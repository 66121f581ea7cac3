// SPDX-License-Identifier: Apache-2.0
// What a curve is drawn from: values, and where they lie on the three horizontal axes of a report.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sy::report {

enum class Axis : uint8_t { steps, tokens, seconds };
constexpr std::array<Axis, 3> kAxes{Axis::steps, Axis::tokens, Axis::seconds};

// NaN on an axis: unknown there.
struct Place {
  double steps = 0;
  double tokens = 0;   // trained on so far
  double seconds = 0;  // spent computing so far

  double on(Axis axis) const {
    if (axis == Axis::steps) return steps;
    return axis == Axis::tokens ? tokens : seconds;
  }
};

struct Point {
  Place at;
  double value = 0;  // may be NaN
};

// Enough points for a picture: at most `most` of them (at
// least 4), in their order. The first and the last are kept, and the smallest and the largest value
// of every stretch, so that no spike is lost. All points must be finite.
std::vector<Point> decimate(const std::vector<Point>& points, size_t most);

// The points whose value is finite.
std::vector<Point> finite_points(const std::vector<Point>& points);

}  // namespace sy::report
