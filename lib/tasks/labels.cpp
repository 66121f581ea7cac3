// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sy {

std::string class_name(std::optional<std::string_view> value,
                       std::span<const std::string_view> classes, const RecordPlace& place) {
  if (!value || value->empty() || *value == "-1") return kUnlabelled;
  const auto named = std::find(classes.begin(), classes.end(), *value);
  if (named != classes.end()) return std::string(*named);
  for (size_t number = 0; number < classes.size(); ++number) {
    if (*value == std::to_string(number)) return std::string(classes[number]);
  }
  fail_at(place, fmt::format("the label '{}' is none of {} and no number from 0 to {}; correct it, "
                             "or the task's form",
                             *value, fmt::join(classes, ", "), classes.size() - 1));
}

}  // namespace sy
