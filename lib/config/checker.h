// SPDX-License-Identifier: Apache-2.0
// Collects messages "key: what is wrong; remedy" about values that are out of range or do not fit
// each other.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

constexpr int64_t kMaxLayers = 1 << 12;  // of a stack

// The ranges of a denoiser's numbers.
inline bool is_density(double value) {
  return value > 0 && value <= 0.9;
}
inline bool is_mean_span(double value) {
  return value >= 1 && value <= 1000;
}

class Checker {
 public:
  // `text` says what is wrong and how to correct it.
  template <class... Args>
  void require(bool good, std::string_view key, fmt::format_string<Args...> text, Args&&... args) {
    if (!good) {
      errors_.push_back(fmt::format("{}: {}", key, fmt::format(text, std::forward<Args>(args)...)));
    }
  }

  void integer(std::string_view key, int64_t value, int64_t min, int64_t max) {
    require(value >= min && value <= max, key, "{} is out of range; use {} to {}", value, min, max);
  }
  void automatic(std::string_view key, AutoInt value, int64_t min, int64_t max) {
    require(value.is_auto || (value.value >= min && value.value <= max), key,
            "{} is out of range; use {} to {}, or auto", value.value, min, max);
  }
  void automatic(std::string_view key, AutoNumber value) {
    require(value.is_auto || (value.value > 0 && value.value <= kMax), key,
            "{} is out of range; use a number above 0, up to 1e30, or auto", value.value);
  }
  // NaN is outside every range.
  void positive(std::string_view key, double value) {
    require(value > 0 && value <= kMax, key, "{} is out of range; use a number above 0, up to 1e30",
            value);
  }
  void not_negative(std::string_view key, double value) {
    require(value >= 0 && value <= kMax, key, "{} is out of range; use 0 to 1e30", value);
  }
  void below_one(std::string_view key, double value) {
    require(value >= 0 && value < 1, key, "{} is out of range; use at least 0 and less than 1",
            value);
  }

  // A message in that form.
  void add(std::string message) { errors_.push_back(std::move(message)); }

  std::vector<std::string> take() { return std::move(errors_); }

 private:
  static constexpr double kMax = 1e30;
  std::vector<std::string> errors_;
};

// Errors between values that are each in range. A relation is skipped if one of its values is
// itself out of range.
std::vector<std::string> find_relation_errors(const RunConfig& config);

}  // namespace sy
