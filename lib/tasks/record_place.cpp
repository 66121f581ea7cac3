// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/record_place.h"

#include "lib/base/error.h"

namespace sy {

void fail_at(const RecordPlace& place, std::string_view what) {
  throw DataError(fmt::format("{}:{}: {}", place.file, place.line, what));
}

}  // namespace sy
