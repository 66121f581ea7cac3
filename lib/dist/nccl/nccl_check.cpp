// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/nccl/nccl_check.h"

#include "lib/base/error.h"
#include "lib/dist/nccl/nccl_library.h"
#include "lib/dist/nccl/nccl_link.h"

namespace sy::detail {

void NcclPlace::check(ncclResult_t result, const char* nccl_call) const {
  if (result == ncclSuccess) [[likely]]
    return;
  throw RuntimeFailure(
      fmt::format("{} \"{}\" (call {} of group {}, rank {} of {}): {}: {}", call.call, call.label,
                  call.number, call.group, rank, size, nccl_call,
                  link != nullptr ? link->error_text(result) : nccl_error_text(result, nullptr)));
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

namespace {

// 22703 is 2.27.3; before 2.9 the number had a digit less.
std::string version_text(int code) {
  const int thousand = code < 10000 ? 1000 : 10000;
  return fmt::format("{}.{}.{}", code / thousand, code % thousand / 100, code % 100);
}

}  // namespace

void check_nccl_version() {
  constexpr int kOldest = 22600;
  int found = 0;
  if (nccl().GetVersion(&found) != ncclSuccess || found >= kOldest) return;
  throw RuntimeFailure(fmt::format(
      "backend: cuda needs NCCL {} or later, and the library that was loaded is NCCL {}: install a "
      "later one, or put its directory first in LD_LIBRARY_PATH",
      version_text(kOldest), version_text(found)));
}

}  // namespace sy::detail
