// Copies from global to shared memory that go on while the block computes (cp.async, sm_80).
// Compiled for the host they happen when they are waited for, and until then the place reads as
// NaN: a missing wait, or a place that was still in use, changes the answer.
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
  const void* from;  // null: zeros
  size_t bytes;
  int64_t group;

  void make() const {
    if (from == nullptr) {
      std::memset(to, 0, bytes);
    } else {
      std::memcpy(to, from, bytes);
    }
  }
};
struct PendingCopies {
  std::vector<PendingCopy> copies;
  int64_t group = 0;  // that copies begun now belong to

  void wait_before(int64_t end) {
    size_t done = 0;
    while (done < copies.size() && copies[done].group < end) copies[done++].make();
    copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(done));
  }
};
inline std::array<PendingCopies, 1024> pending_copies;  // by thread of the block

}  // namespace hostcuda
#endif

// to [kBytes] = from, or zeros unless `present`; both aligned to kBytes, 4 or 16. Complete once the
// thread has waited for its copies and the block has met at a barrier.
template <int kBytes>
__device__ inline void copy_async(void* to, const void* from, bool present) {
  static_assert(kBytes == 4 || kBytes == 16);
#ifdef SY_HOSTCUDA
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

// What the thread has begun since the last call is one group.
__device__ inline void end_copy_group() {
#ifdef SY_HOSTCUDA
  ++hostcuda::pending_copies[threadIdx.x].group;
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// The thread's own copies are there, but for those of its last kUnderWay groups.
template <int kUnderWay>
__device__ inline void wait_for_copy_groups() {
#ifdef SY_HOSTCUDA
  auto& pending = hostcuda::pending_copies[threadIdx.x];
  pending.wait_before(pending.group - kUnderWay);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(kUnderWay) : "memory");
#endif
}

// All of the thread's own copies are there.
__device__ inline void wait_for_copies() {
#ifdef SY_HOSTCUDA
  auto& pending = hostcuda::pending_copies[threadIdx.x];
  pending.wait_before(pending.group + 1);
#else
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

}  // namespace sy
