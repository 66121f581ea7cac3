// SPDX-License-Identifier: Apache-2.0
// Small numeric helpers. The integer ones turn silent rounding and truncation into errors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "lib/base/error.h"

namespace sy {

inline int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}
inline int64_t round_up(int64_t a, int64_t multiple) {
  return ceil_div(a, multiple) * multiple;
}

// a / b; b must divide a.
inline int64_t div_exact(int64_t a, int64_t b) {
  SY_CHECK(b > 0 && a % b == 0, "{} is not a multiple of {}", a, b);
  return a / b;
}

// Converts between integer types; throws InternalError if the value would change.
template <class To, class From>
To narrow(From value) {
  SY_CHECK(std::in_range<To>(value), "{} does not fit the target type", value);
  return static_cast<To>(value);
}

// The median of `values`, which must not be empty. For an even count it is the upper of the two
// middle values.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace sy
