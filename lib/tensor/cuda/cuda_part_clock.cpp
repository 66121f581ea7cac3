// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/cuda/cuda_part_clock.h"

#include "lib/tensor/cuda/cuda_check.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {

CudaPartClock::CudaPartClock(Exec& exec) : stream_(cuda(exec).compute) {}

CudaPartClock::~CudaPartClock() {
  // Errors are ignored here: they follow one that has been reported.
  for (const Scope& scope : scopes_) {
    if (scope.begin != nullptr) cudaEventDestroy(scope.begin);
    if (scope.end != nullptr) cudaEventDestroy(scope.end);
  }
}

void CudaPartClock::begin(Part part) {
  if (used_ == scopes_.size()) {
    Scope& made = scopes_.emplace_back();
    check_cuda(cudaEventCreate(&made.begin), "creating an event");
    check_cuda(cudaEventCreate(&made.end), "creating an event");
  }
  scopes_[used_].part = part;
  check_cuda(cudaEventRecord(scopes_[used_].begin, stream_), "timing a part of the step");
}

void CudaPartClock::end() noexcept {
  const cudaError_t status = cudaEventRecord(scopes_[used_++].end, stream_);
  if (failure_ == cudaSuccess) failure_ = status;
}

void CudaPartClock::collect(PartSeconds& seconds) {
  check_cuda(failure_, "timing a part of the step");
  PartSeconds taken{};
  for (size_t i = 0; i < used_; ++i) {
    float milliseconds = 0;
    const Scope& scope = scopes_[i];
    const cudaError_t status = cudaEventElapsedTime(&milliseconds, scope.begin, scope.end);
    // Clears it, or the next launch would report it.
    if (status == cudaErrorNotReady) cudaGetLastError();
    SY_CHECK(status != cudaErrorNotReady, "the time of {} was requested before its work was done",
             name_of(scope.part));
    check_cuda(status, "reading the time of a part of the step");
    taken[static_cast<size_t>(scope.part)] += static_cast<double>(milliseconds) / 1e3;
  }
  for (size_t part = 0; part < taken.size(); ++part) seconds[part] += taken[part];
  used_ = 0;
}

std::unique_ptr<PartClock> make_cuda_part_clock(Exec& exec) {
  return std::make_unique<CudaPartClock>(exec);
}

}  // namespace sy
