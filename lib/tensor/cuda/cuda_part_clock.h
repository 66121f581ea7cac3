// SPDX-License-Identifier: Apache-2.0
// Times scopes with two events each on an exec's compute stream. collect() recycles the events, so
// steps after the first create none.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "lib/tensor/exec.h"

namespace sy {

class CudaPartClock final : public PartClock {
 public:
  explicit CudaPartClock(Exec& exec);
  ~CudaPartClock() override;
  CudaPartClock(const CudaPartClock&) = delete;
  CudaPartClock& operator=(const CudaPartClock&) = delete;

  void begin(Part part) override;
  void end() noexcept override;
  void collect(PartSeconds& seconds) override;

  size_t events() const { return 2 * scopes_.size(); }  // created so far

 private:
  struct Scope {
    Part part;
    cudaEvent_t begin, end;
  };

  const cudaStream_t stream_;
  std::vector<Scope> scopes_;
  size_t used_ = 0;  // scopes since the last collect(), at the front of scopes_
  cudaError_t failure_ = cudaSuccess;
};

}  // namespace sy
