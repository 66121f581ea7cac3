// SPDX-License-Identifier: Apache-2.0
// The functions of NCCL, as nccl().AllReduce(...): those of the library, loaded on first use
// (nccl_loaded.cpp), or in tests those of its host implementation.
#pragma once

#include <nccl.h>

namespace sy {

// clang-format would move these lines on every run.
// clang-format off
#define SY_NCCL_FUNCTIONS(X) \
  X(AllGather) X(AllReduce) X(Broadcast) X(CommAbort) X(CommDestroy) X(CommGetAsyncError) \
  X(CommInitRank) X(GetErrorString) X(GetLastError) X(GetUniqueId) X(GetVersion) X(GroupEnd) \
  X(GroupStart) X(Recv) X(Reduce) X(ReduceScatter) X(Send)
// clang-format on

struct Nccl {
#define SY_FUNCTION(name) decltype(&nccl##name) name;
  SY_NCCL_FUNCTIONS(SY_FUNCTION)
#undef SY_FUNCTION
};

// Throws RuntimeFailure if the library cannot be loaded.
const Nccl& nccl();

}  // namespace sy
