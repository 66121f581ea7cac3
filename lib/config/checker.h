// Collects sentences "key: what is wrong; remedy" for values that are out of range.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

class Checker {
 public:
  // `text` is what is wrong and the remedy.
  template <class... Args>
  void require(bool good, std::string_view key, fmt::format_string<Args...> text, Args&&... args) {
    if (!good) {
      faults_.push_back(fmt::format("{}: {}", key, fmt::format(text, std::forward<Args>(args)...)));
    }
  }

  void integer(std::string_view key, int64_t value, int64_t least, int64_t most) {
    require(value >= least && value <= most, key, "{} is out of range; use {} to {}", value, least,
            most);
  }
  void automatic(std::string_view key, AutoInt value, int64_t least, int64_t most) {
    require(value.is_auto || (value.value >= least && value.value <= most), key,
            "{} is out of range; use {} to {}, or auto", value.value, least, most);
  }
  // Not a number is outside every range.
  void positive(std::string_view key, double value) {
    require(value > 0 && value <= kMost, key,
            "{} is out of range; use a number above 0, up to 1e30", value);
  }
  void not_negative(std::string_view key, double value) {
    require(value >= 0 && value <= kMost, key, "{} is out of range; use 0 to 1e30", value);
  }
  void below_one(std::string_view key, double value) {
    require(value >= 0 && value < 1, key, "{} is out of range; use 0 or more and less than 1",
            value);
  }

  std::vector<std::string> take() { return std::move(faults_); }

 private:
  static constexpr double kMost = 1e30;
  std::vector<std::string> faults_;
};

}  // namespace sy
