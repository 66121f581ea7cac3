#include "tests/hostcuda/nccl/nccl_result.h"

#include "tests/hostcuda/nccl/nccl_comm.h"

namespace {

thread_local std::string last;

}  // namespace

namespace sy::hostcuda {

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

const char* ncclGetLastError(ncclComm_t comm) {
  if (comm != nullptr && comm->error != ncclSuccess) return comm->sentence.c_str();
  return last.c_str();
}
