// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/options.h"

#include <fmt/format.h>

#include <cmath>

namespace sy {

std::vector<std::string> find_faults(const GenerateOptions& options) {
  std::vector<std::string> faults;
  const auto require = [&](bool holds, std::string sentence) {
    if (!holds) faults.push_back(std::move(sentence));
  };
  const auto at_least_one = [&](const char* name, int64_t value) {
    require(value >= 1, fmt::format("{} is {}; it must be at least 1", name, value));
  };
  at_least_one("--max-length", options.max_length);
  at_least_one("--batch", options.batch);
  at_least_one("--beams", options.beams);
  require(options.temperature > 0 && std::isfinite(options.temperature),
          fmt::format("--temperature is {}; it must be above 0 (use --strategy greedy for the most "
                      "likely token)",
                      options.temperature));
  require(options.top_p > 0 && options.top_p <= 1,
          fmt::format("--top-p is {}; it must be above 0 and at most 1", options.top_p));
  require(std::isfinite(options.length_penalty),
          fmt::format("--length-penalty is {}; it must be finite", options.length_penalty));
  return faults;
}

}  // namespace sy
