// NCCL's functions, as nccl().AllReduce(...): those of the library, which is loaded at the first
// call (nccl_loaded.cpp), or of what executes it on the host in tests.
#pragma once

#include <nccl.h>

namespace sy {

// Its lines would be moved at every run.
// clang-format off
#define SY_NCCL_FUNCTIONS(X) \
  X(AllGather) X(AllReduce) X(Broadcast) X(CommAbort) X(CommDestroy) X(CommGetAsyncError) \
  X(CommInitRank) X(GetErrorString) X(GetLastError) X(GetUniqueId) X(GroupEnd) \
  X(GroupStart) X(Recv) X(Send)
// clang-format on

struct Nccl {
#define SY_FUNCTION(name) decltype(&nccl##name) name;
  SY_NCCL_FUNCTIONS(SY_FUNCTION)
#undef SY_FUNCTION
};

// Throws RuntimeFailure where the library cannot be loaded.
const Nccl& nccl();

}  // namespace sy
