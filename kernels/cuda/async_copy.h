// SPDX-License-Identifier: Apache-2.0
// Asynchronous copies from global to shared memory (cp.async, sm_80). Compiled for the host, a copy
// happens only when it is waited for, and until then its destination reads as NaN, so a missing
// wait, or overwriting a buffer still in use, changes the result.
#pragma once

#include "kernels/cuda/device.h"

#ifdef SY_HOSTCUDA
#include <array>
#include <vector>
#endif

namespace sy {

#ifdef SY_HOSTCUDA
namespace hostcuda {

struct PendingCopy {
  void* to;
  const void* from;  // null means zeros
  size_t bytes;
  int64_t group;

  void make() const {
    touch(to, bytes, Access::write);
    if (from != nullptr) touch(from, bytes, Access::read);
    if (from == nullptr) {
      std::memset(to, 0, bytes);
    } else {
      std::memcpy(to, from, bytes);
    }
  }
};
struct PendingCopies {
  std::vector<PendingCopy> copies;
  int64_t group = 0;  // group of the copies started now

  void wait_before(int64_t end) {
    size_t done = 0;
    while (done < copies.size() && copies[done].group < end) copies[done++].make();
    copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(done));
  }
};
inline std::array<PendingCopies, 1024> pending_copies;  // indexed by the block's thread

}  // namespace hostcuda
#endif

// Starts copying kBytes (4 or 16) from `from`, or zeros unless `present`; both pointers are aligned
// to kBytes. Complete once the thread has waited for its copies and the block has passed a barrier.
template <int kBytes>
__device__ inline void copy_async(void* to, const void* from, bool present) {
  static_assert(kBytes == 4 || kBytes == 16);
#ifdef SY_HOSTCUDA
  hostcuda::check_aligned(to, kBytes, "cp.async", hostcuda::Site::current());
  if (present) hostcuda::check_aligned(from, kBytes, "cp.async", hostcuda::Site::current());
  hostcuda::touch(to, kBytes, hostcuda::Access::write);
  std::memset(to, 0xff, kBytes);
  auto& pending = hostcuda::pending_copies[threadIdx.x];
  pending.copies.push_back({to, present ? from : nullptr, kBytes, pending.group});
#else
  const auto place = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  const int bytes = present ? kBytes : 0;
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(place), "l"(from), "r"(bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(place), "l"(from), "r"(bytes)
                 : "memory");
  }
#endif
}

// Closes a group: the copies that the thread has started since the last call.
__device__ inline void end_copy_group() {
#ifdef SY_HOSTCUDA
  ++hostcuda::pending_copies[threadIdx.x].group;
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for the thread's own copies, except those of its last kUnderWay groups.
template <int kUnderWay>
__device__ inline void wait_for_copy_groups() {
#ifdef SY_HOSTCUDA
  auto& pending = hostcuda::pending_copies[threadIdx.x];
  pending.wait_before(pending.group - kUnderWay);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(kUnderWay) : "memory");
#endif
}

// Waits for all of the thread's own copies.
__device__ inline void wait_for_copies() {
#ifdef SY_HOSTCUDA
  auto& pending = hostcuda::pending_copies[threadIdx.x];
  pending.wait_before(pending.group + 1);
#else
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

}  // namespace sy
