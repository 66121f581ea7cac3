// SPDX-License-Identifier: Apache-2.0
#include "kernels/digest/digest.h"

namespace sy {

template <class Word>
struct DigestImpl<Backend::cpu, Word> {
  static void run(Exec& exec, uint64_t* sums, const Word* words, int64_t count) {
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t part = 0; part < kDigestParts; ++part) {
      const int64_t end = digest_begin(count, part + 1);
      uint64_t sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = digest_begin(count, part); i < end; ++i) sum += digest_term(words[i], i);
      sums[part] = sum;
    }
  }
};

template struct DigestImpl<Backend::cpu, uint16_t>;
template struct DigestImpl<Backend::cpu, uint32_t>;

}  // namespace sy
