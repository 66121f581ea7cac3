// SPDX-License-Identifier: Apache-2.0
// Chooses a GEMM's algorithm by time, among those that compute the same bits. The clock differs
// from run to run, so without that condition a run that is resumed could sum in another order and
// would not continue to the bit. The condition is tested, not assumed: on random operands of the
// GEMM's sizes every element of the result must equal that of the first algorithm that runs, which
// is the library's own choice.
#pragma once

#include <optional>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/gemm/lt_product_cuda.h"
#include "lib/tensor/cuda/cuda_context.h"
#include "lib/tensor/random_fill.h"
#include "lib/tensor/transfer.h"

namespace sy {

constexpr int kCompareThreads = 256, kCompareBlocks = 1024;

// counts[block] = number of words in which x and y differ, of those that the block compares.
// Reads 2 `words` words.
__global__ void count_differences_kernel(int32_t* counts, const uint64_t* x, const uint64_t* y,
                                         int64_t words) {
  auto* slots = reinterpret_cast<int32_t*>(shared_memory());
  int32_t differing = 0;
  const int64_t step = int64_t{gridDim.x} * kCompareThreads;
  for (int64_t i = int64_t{blockIdx.x} * kCompareThreads + static_cast<int64_t>(threadIdx.x);
       i < words; i += step) {
    differing += x[i] != y[i] ? 1 : 0;
  }
  differing = block_sum(differing, slots);
  if (threadIdx.x == 0) counts[blockIdx.x] = differing;
}

// GPU memory that lives as long as a trial; empty if there is not enough.
class TrialMemory {
 public:
  explicit TrialMemory(int64_t bytes) : bytes_(round_up(bytes, int64_t{256})) {
    const cudaError_t status = cudaMalloc(&data_, static_cast<size_t>(bytes_));
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // the next launch must not report it
      data_ = nullptr;
      return;
    }
    check_cuda(status, "allocating memory for a trial of algorithms");
  }
  ~TrialMemory() { cudaFree(data_); }  // an error here follows one that has been reported
  TrialMemory(const TrialMemory&) = delete;
  TrialMemory& operator=(const TrialMemory&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  explicit operator bool() const { return data_ != nullptr; }
  int64_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  int64_t bytes_;
};

class TrialEvent {
 public:
  TrialEvent() { check_cuda(cudaEventCreate(&event_), "creating an event"); }
  ~TrialEvent() { cudaEventDestroy(event_); }
  TrialEvent(const TrialEvent&) = delete;
  TrialEvent& operator=(const TrialEvent&) = delete;

  void record(cudaStream_t stream) { check_cuda(cudaEventRecord(event_, stream), "timing a GEMM"); }
  // Milliseconds since `earlier`. Waits.
  float since(const TrialEvent& earlier) {
    float milliseconds = 0;
    check_cuda(cudaEventSynchronize(event_), "timing a GEMM");
    check_cuda(cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "timing a GEMM");
    return milliseconds;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

class LtTrial {
 public:
  LtTrial(Exec& exec, const LtProduct& product, const GemmShape& shape, void* workspace)
      : exec_(exec),
        product_(product),
        workspace_(workspace),
        operands_(std::max(shape.m * shape.k, shape.k * shape.n) * shape.batch * bytes(shape.in)),
        expected_(shape.batch * shape.m * shape.n * bytes(shape.out)),
        result_(expected_.bytes()),
        counts_(kCompareBlocks * static_cast<int64_t>(sizeof(int32_t))) {
    if (!has_memory()) return;
    const int64_t elements = operands_.bytes() / bytes(shape.in);
    fill_random(exec, Tensor(operands_.as<void>(), shape.in, {elements}));
  }

  // The fastest of those that compute what the first one that runs does; nothing if none runs, or
  // if there is not enough memory to try them.
  std::optional<LtAlgorithm> fastest(const std::vector<LtAlgorithm>& algorithms) {
    std::optional<LtAlgorithm> best;
    if (!has_memory()) return best;
    float least = 0;
    for (const LtAlgorithm& algorithm : algorithms) {
      const TrialMemory& out = best ? result_ : expected_;
      if (!runs(algorithm, out) || (best && differs())) continue;
      const float taken = milliseconds(algorithm);
      if (best && taken >= least) continue;
      best = algorithm;
      least = taken;
    }
    return best;
  }

 private:
  static int64_t bytes(DType dtype) { return static_cast<int64_t>(size_of(dtype)); }
  bool has_memory() const { return operands_ && expected_ && result_ && counts_; }
  cudaStream_t stream() const { return cuda(exec_).compute; }

  cublasStatus_t queue(const LtAlgorithm& algorithm, const TrialMemory& out) const {
    return product_.run(
        cuda(exec_).cublaslt_handle, algorithm,
        {operands_.as<void>(), operands_.as<void>(), out.as<void>(), out.as<void>()}, workspace_,
        stream());
  }

  // Zeros first: the GEMM may accumulate, and rounding up leaves a rest.
  bool runs(const LtAlgorithm& algorithm, const TrialMemory& out) const {
    check_cuda(cudaMemsetAsync(out.as<void>(), 0, static_cast<size_t>(out.bytes()), stream()),
               "a trial of algorithms");
    return queue(algorithm, out) == CUBLAS_STATUS_SUCCESS;
  }

  bool differs() const {
    const int64_t words = expected_.bytes() / static_cast<int64_t>(sizeof(uint64_t));
    const auto blocks = static_cast<int>(
        std::min<int64_t>(kCompareBlocks, ceil_div(words, int64_t{kCompareThreads})));
    launch(stream(), "count_differences",
           {.grid = dim3(static_cast<unsigned>(blocks)),
            .block = kCompareThreads,
            .shared_bytes = kWarp * sizeof(int32_t)},
           count_differences_kernel, counts_.as<int32_t>(), expected_.as<uint64_t>(),
           result_.as<uint64_t>(), words);
    std::vector<int32_t> counts(static_cast<size_t>(blocks));
    copy_in_cuda(exec_, counts.data(), counts_.as<void>(), blocks * int64_t{sizeof(int32_t)});
    return std::any_of(counts.begin(), counts.end(), [](int32_t count) { return count != 0; });
  }

  // The best of a few rounds; the caller has run it once.
  float milliseconds(const LtAlgorithm& algorithm) {
    constexpr int kRounds = 2, kInRound = 3;
    float least = 0;
    for (int round = 0; round < kRounds; ++round) {
      begin_.record(stream());
      for (int i = 0; i < kInRound; ++i) queue(algorithm, result_);
      end_.record(stream());
      const float taken = end_.since(begin_);
      least = round == 0 ? taken : std::min(least, taken);
    }
    return least;
  }

  Exec& exec_;
  const LtProduct& product_;
  void* const workspace_;
  const TrialMemory operands_, expected_, result_, counts_;
  TrialEvent begin_, end_;
};

}  // namespace sy
