// SPDX-License-Identifier: Apache-2.0
// Turns NCCL errors into RuntimeFailure that names the collective, and refuses versions of NCCL
// that are too old.
#pragma once

#include <nccl.h>

#include <string>

#include "lib/dist/watchdog.h"

namespace sy::detail {

class NcclLink;

// The context of a call, for errors.
struct NcclPlace {
  CollectiveCall call;
  int rank = 0;
  int size = 1;
  const NcclLink* link = nullptr;  // null before there is one

  // Throws RuntimeFailure unless `result` is ncclSuccess.
  void check(ncclResult_t result, const char* nccl_call) const;
};

// NCCL's text for `result`, with the last detail it reported. `comm` may be null.
std::string nccl_error_text(ncclResult_t result, ncclComm_t comm);

// The asynchronous error of a communicator; ncclSuccess if there is none.
ncclResult_t nccl_async_error(ncclComm_t comm);

// Throws RuntimeFailure naming both versions if the library is older than 2.26, the first to keep
// calls of several communicators in the order of the hosts (NCCL_LAUNCH_ORDER_IMPLICIT).
void check_nccl_version();

}  // namespace sy::detail
