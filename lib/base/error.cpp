// SPDX-License-Identifier: Apache-2.0
#include "lib/base/error.h"

namespace sy::detail {

void throw_internal(const char* expression, const char* file, int line,
                    const std::string& message) {
  throw InternalError(fmt::format("{}:{}: check failed: {}: {}", file, line, expression, message));
}

}  // namespace sy::detail
