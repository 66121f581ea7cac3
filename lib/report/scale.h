// SPDX-License-Identifier: Apache-2.0
// The axes of a chart: from a value to a share of the axis, round ticks, and their texts.
#pragma once

#include <string>
#include <vector>

#include "lib/report/series.h"

namespace sy::report {

struct Scale {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<double> ticks;  // ascending, within [low, high]
  double unit = 1;            // what a tick's text counts in: 60 for minutes
  std::string unit_name;      // "min"; empty for a number alone

  // 0 at the low end, 1 at the high end.
  double share(double value) const;
  std::string tick_text(double tick) const;
};

// A vertical axis of values from `low` to `high`, both finite. Its ends and ticks are multiples of
// 1, 2 or 5 times a power of ten. Where the values are positive and span more than a factor of 50
// it is logarithmic.
Scale value_scale(double low, double high);

// A horizontal axis from 0 to `high`, which is finite, with such ticks. Times count in the largest
// unit of which there are two.
Scale place_scale(double high, Axis axis);

// 1234567 as 1.23457M, 0.25 as 0.25: at most so many digits.
std::string short_number(double value, int digits = 6);
// 5 s, 3.2 min, 1.5 h, 2.1 d.
std::string short_duration(double seconds);

}  // namespace sy::report
