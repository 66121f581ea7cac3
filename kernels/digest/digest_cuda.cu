// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/digest/digest.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 1024;

// sums[b] = the terms of part b. Reads every word once.
template <class Word>
__global__ void __launch_bounds__(kThreads)
    digest_kernel(uint64_t* sums, const Word* words, int64_t count) {
  uint64_t* slots = reinterpret_cast<uint64_t*>(shared_memory());
  const int64_t part = blockIdx.x, end = digest_begin(count, part + 1);
  uint64_t sum = 0;
  for (int64_t i = digest_begin(count, part) + threadIdx.x; i < end; i += kThreads) {
    sum += digest_term(words[i], i);
  }
  sum = block_sum(sum, slots);
  if (threadIdx.x == 0) sums[part] = sum;
}

}  // namespace

template <class Word>
struct DigestImpl<Backend::cuda, Word> {
  static void run(Exec& exec, uint64_t* sums, const Word* words, int64_t count) {
    launch(cuda(exec).compute, "digest",
           {.grid = kDigestParts, .block = kThreads, .shared_bytes = 32 * sizeof(uint64_t)},
           digest_kernel<Word>, sums, words, count);
  }
};

template struct DigestImpl<Backend::cuda, uint16_t>;
template struct DigestImpl<Backend::cuda, uint32_t>;

}  // namespace sy
