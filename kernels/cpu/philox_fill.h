// SPDX-License-Identifier: Apache-2.0
// Philox words of consecutive elements, drawn in many parallel blocks so that the compiler keeps
// them in vector registers. The words are the same as those of random_word() in lib/base/random.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/base/random.h"

namespace sy {

constexpr int kPhiloxLanes = 32;
constexpr int kPhiloxWords = 4 * kPhiloxLanes;

// words[0 .. 128) = the words of elements 4 * block .. 4 * block + 127. Not inlined: a call is
// cheap compared with 128 words, and the loops that use them stay small enough to vectorise.
[[gnu::noinline]] inline void philox_words(const RandomKey& key, uint64_t block, uint32_t* words) {
  // Each counter word occupies a 64-bit lane, so multiplying needs no widening. The garbage in the
  // upper half is masked off only where a word is multiplied next.
  constexpr uint64_t kLow = 0xFFFFFFFFu;
  uint64_t c0[kPhiloxLanes], c1[kPhiloxLanes], c2[kPhiloxLanes], c3[kPhiloxLanes];
#pragma omp simd
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    c0[lane] = block + static_cast<uint64_t>(lane);
    c1[lane] = c0[lane] >> 32;
    c2[lane] = key.step;
    c3[lane] = key.site;
  }
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int lane = 0; lane < kPhiloxLanes; ++lane) {
      const uint64_t p0 = (c0[lane] & kLow) * 0xD2511F53u;
      const uint64_t p1 = (c2[lane] & kLow) * 0xCD9E8D57u;
      c0[lane] = (p1 >> 32) ^ c1[lane] ^ k0;
      c1[lane] = p1;
      c2[lane] = (p0 >> 32) ^ c3[lane] ^ k1;
      c3[lane] = p0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
#pragma omp simd
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    words[4 * lane] = static_cast<uint32_t>(c0[lane]);
    words[4 * lane + 1] = static_cast<uint32_t>(c1[lane]);
    words[4 * lane + 2] = static_cast<uint32_t>(c2[lane]);
    words[4 * lane + 3] = static_cast<uint32_t>(c3[lane]);
  }
}

// Calls use(i, uniform in [0, 1)) for elements first .. first + count of the key's stream, with i
// counted from 0. Calls may run in vector lanes, so `use` must touch only element i. `use` is
// copied and should capture by value: a captured reference prevents vectorisation.
template <class Use>
inline void for_each_uniform(const RandomKey& key, uint64_t first, int64_t count, Use use) {
  alignas(64) uint32_t words[kPhiloxWords];
  int64_t skip = static_cast<int64_t>(first % 4);
  uint64_t block = first / 4;
  for (int64_t done = 0; done < count; block += kPhiloxLanes) {
    philox_words(key, block, words);
    const int64_t take = std::min(count - done, kPhiloxWords - skip);
#pragma omp simd
    for (int64_t i = 0; i < take; ++i) use(done + i, uniform_from_word(words[skip + i]));
    done += take;
    skip = 0;
  }
}

}  // namespace sy
