// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/nccl/nccl_check.h"

#include "lib/base/error.h"
#include "lib/dist/nccl/nccl_library.h"

namespace sy::detail {

void NcclPlace::check(ncclResult_t result, const char* nccl_call) const {
  if (result == ncclSuccess) [[likely]]
    return;
  throw RuntimeFailure(fmt::format("{} \"{}\" (call {} of group {}, rank {} of {}): {}: {}",
                                   call.call, call.label, call.number, call.group, rank, size,
                                   nccl_call, nccl_error_text(result, comm)));
}

std::string nccl_error_text(ncclResult_t result, ncclComm_t comm) {
  const char* last = nccl().GetLastError(comm);
  const bool says_more = last != nullptr && *last != '\0';
  return fmt::format("{}{}{}", nccl().GetErrorString(result), says_more ? ": " : "",
                     says_more ? last : "");
}

ncclResult_t nccl_async_error(ncclComm_t comm) {
  ncclResult_t error = ncclSuccess;
  const ncclResult_t asked = nccl().CommGetAsyncError(comm, &error);
  if (asked != ncclSuccess) return asked;
  return error == ncclInProgress ? ncclSuccess : error;
}

}  // namespace sy::detail
