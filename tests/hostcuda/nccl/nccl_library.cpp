// SPDX-License-Identifier: Apache-2.0
// The library as a whole: its table of functions and the text of its errors.
#include "lib/dist/nccl/nccl_library.h"
#include "tests/hostcuda/nccl/nccl_comm.h"

namespace {

thread_local std::string last;

}  // namespace

namespace sy::hostcuda {

int& reported_version() {
  static int version = NCCL_VERSION_CODE;
  return version;
}

ncclResult_t refuse(ncclResult_t result, const std::string& sentence) {
  last = sentence;
  return result;
}

}  // namespace sy::hostcuda

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    default:
      return "another error";
  }
}

ncclResult_t ncclGetVersion(int* version) {
  *version = sy::hostcuda::reported_version();
  return ncclSuccess;
}

const char* ncclGetLastError(ncclComm_t comm) {
  if (comm != nullptr) sy::hostcuda::check_alive(comm, "ncclGetLastError");
  if (comm != nullptr && comm->error != ncclSuccess) return comm->sentence.c_str();
  return last.c_str();
}

namespace sy {

// The backend looks these functions up by name in the real library; here they are linked in.
const Nccl& nccl() {
#define SY_FUNCTION(name) &nccl##name,
  static const Nccl functions{SY_NCCL_FUNCTIONS(SY_FUNCTION)};
#undef SY_FUNCTION
  return functions;
}

}  // namespace sy
