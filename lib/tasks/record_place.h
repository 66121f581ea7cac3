// SPDX-License-Identifier: Apache-2.0
// Where a record of a task's files stands, and the error that names it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sy {

struct RecordPlace {
  std::string file;
  int64_t line = 0;  // from 1
};

// Throws DataError "FILE:LINE: what"; `what` is a fault and its remedy.
[[noreturn]] void fail_at(const RecordPlace& place, std::string_view what);

}  // namespace sy
