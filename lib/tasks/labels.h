// SPDX-License-Identifier: Apache-2.0
// Labels of classification tasks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/tasks/record_place.h"

namespace sy {

// What T5 writes for a label that a test set does not give.
constexpr const char* kUnlabelled = "<unk>";

// The class that `value` says: its name, or its number from 0. Nothing, an empty value and -1 give
// kUnlabelled. Throws DataError at `place` for any other value.
std::string class_name(std::optional<std::string_view> value,
                       std::span<const std::string_view> classes, const RecordPlace& place);

}  // namespace sy
