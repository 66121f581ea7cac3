// SPDX-License-Identifier: Apache-2.0
// Turns NCCL errors into RuntimeFailure that names the collective.
#pragma once

#include <nccl.h>

#include <string>

#include "lib/dist/watchdog.h"

namespace sy::detail {

// The context of a call, for errors.
struct NcclPlace {
  CollectiveCall call;
  int rank = 0;
  int size = 1;
  ncclComm_t comm = nullptr;

  // Throws RuntimeFailure unless `result` is ncclSuccess.
  void check(ncclResult_t result, const char* nccl_call) const;
};

// NCCL's text for `result`, with the last detail it reported.
std::string nccl_error_text(ncclResult_t result, ncclComm_t comm);

// The asynchronous error of a communicator; ncclSuccess if there is none.
ncclResult_t nccl_async_error(ncclComm_t comm);

}  // namespace sy::detail
