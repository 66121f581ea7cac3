// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/nccl/nccl_link.h"

#include <cstdlib>
#include <exception>

#include "lib/dist/nccl/nccl_check.h"
#include "lib/dist/nccl/nccl_library.h"
#include "lib/tensor/cuda/cuda_check.h"

namespace sy::detail {
namespace {

static_assert(sizeof(ncclUniqueId) % sizeof(int32_t) == 0);

cudaStream_t make_stream() {
  int least = 0, greatest = 0;
  check_cuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "asking for stream priorities");
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, greatest),
             "creating a stream");
  return stream;
}

ncclComm_t make_comm(Communicator& group) {
  const NcclPlace place{
      {"start of NCCL", "ncclCommInitRank", group.name().c_str(), 1}, group.rank(), group.size()};
  // Makes calls of several communicators start on every GPU in the order in which the hosts issue
  // them, so that no two of them deadlock over resources. NCCL reads the variable once, before the
  // first communicator.
  setenv("NCCL_LAUNCH_ORDER_IMPLICIT", "1", 0);
  check_nccl_version();
  ncclUniqueId id{};
  if (group.rank() == 0) place.check(nccl().GetUniqueId(&id), "ncclGetUniqueId");
  group.broadcast(Tensor(&id, DType::i32, {sizeof id / sizeof(int32_t)}), 0, "NCCL's id");
  ncclComm_t comm = nullptr;
  const WatchedCall watched(place.call);
  place.check(nccl().CommInitRank(&comm, group.size(), id, group.rank()), "ncclCommInitRank");
  return comm;
}

}  // namespace

NcclLink::NcclLink(Communicator& group)
    : group_(group), comm_(make_comm(group)), stream_(make_stream()) {}

NcclLink::~NcclLink() {
  // Errors are ignored here: they follow one that was reported.
  if (failed()) {
    abort();
  } else {
    const WatchedCall watched({"end of NCCL", "ncclCommDestroy", group_.name().c_str(), 1});
    nccl().CommDestroy(comm_);
  }
  cudaStreamDestroy(stream_);
}

ncclComm_t NcclLink::comm() const {
  const std::lock_guard lock(mutex_);
  if (!freed_) return comm_;
  throw RuntimeFailure(fmt::format("group {}: its NCCL communicator was aborted", group_.name()));
}

ncclResult_t NcclLink::error() const {
  const std::lock_guard lock(mutex_);
  return freed_ ? last_error_ : nccl_async_error(comm_);
}

std::string NcclLink::error_text(ncclResult_t result) const {
  const std::lock_guard lock(mutex_);
  return nccl_error_text(result, freed_ ? nullptr : comm_);
}

bool NcclLink::failed() const {
  return std::uncaught_exceptions() > 0 || error() != ncclSuccess;
}

void NcclLink::abort() {
  {
    const std::lock_guard lock(mutex_);
    if (freed_) return;
    if (const ncclResult_t error = nccl_async_error(comm_); error != ncclSuccess) {
      last_error_ = error;
    }
    freed_ = true;
  }
  nccl().CommAbort(comm_);
}

}  // namespace sy::detail
