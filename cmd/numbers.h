// SPDX-License-Identifier: Apache-2.0
// Checks of numbers on the command line. CLI11's own let NaN pass and print limits of 309 digits.
#pragma once

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace sy {

// A finite number above 0.
inline CLI::Validator positive_number() {
  const auto fault = [](const std::string& text) {
    double value = 0;
    const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value > 0;
    return good ? std::string() : fmt::format("{} is not a number above 0", text);
  };
  return CLI::Validator(fault, "POSITIVE");
}

// An integer of `least` or more, or from `least` to `most`.
inline CLI::Validator whole_number(int64_t least = 1,
                                   int64_t most = std::numeric_limits<int64_t>::max()) {
  const auto fault = [least, most](const std::string& text) {
    int64_t value = 0;
    const bool good = CLI::detail::lexical_cast(text, value) && value >= least && value <= most;
    if (good) return std::string();
    if (most == std::numeric_limits<int64_t>::max()) {
      return fmt::format("{} is not an integer of {} or more", text, least);
    }
    return fmt::format("{} is not an integer from {} to {}", text, least, most);
  };
  return CLI::Validator(fault, least == 0 ? "NONNEGATIVE" : "POSITIVE");
}

}  // namespace sy
