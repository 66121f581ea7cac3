// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/request_pool.h"

#include "lib/base/error.h"
#include "lib/base/log.h"

namespace sy::detail {

void wait_to_release(Request& request) {
  try {
    request.wait();
  } catch (const RuntimeFailure& failure) {
    log::warn("{}", failure.what());
  }
}

}  // namespace sy::detail
