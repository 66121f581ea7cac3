// Errors of NCCL as RuntimeFailure, naming the collective.
#pragma once

#include <nccl.h>

#include <string>

#include "lib/dist/watchdog.h"

namespace sy::detail {

// Where a call is made: what an error names.
struct NcclPlace {
  CollectiveCall call;
  int rank = 0;
  int size = 1;
  ncclComm_t comm = nullptr;

  // Throws RuntimeFailure unless `result` is ncclSuccess.
  void check(ncclResult_t result, const char* nccl_call) const;
};

// `result` in NCCL's words, and what it last complained of.
std::string nccl_error_text(ncclResult_t result, ncclComm_t comm);

// The error that a communicator's earlier calls ended in meanwhile; ncclSuccess: none.
ncclResult_t nccl_async_error(ncclComm_t comm);

}  // namespace sy::detail
