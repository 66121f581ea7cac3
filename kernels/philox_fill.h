// Philox words of consecutive elements, sixteen blocks side by side so that the compiler keeps them
// in vector registers. The same words as random_word() of lib/base/random.h.
#pragma once

#include <cstdint>

#include "lib/base/random.h"

namespace sy {

constexpr int kPhiloxLanes = 16;
constexpr int kPhiloxWords = 4 * kPhiloxLanes;

// words[0 .. 64) = words of elements 4 * block .. 4 * block + 63.
inline void philox_words(const RandomKey& key, uint64_t block, uint32_t* words) {
  uint32_t c0[kPhiloxLanes], c1[kPhiloxLanes], c2[kPhiloxLanes], c3[kPhiloxLanes];
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    const uint64_t counter = block + static_cast<uint64_t>(lane);
    c0[lane] = static_cast<uint32_t>(counter);
    c1[lane] = static_cast<uint32_t>(counter >> 32);
    c2[lane] = key.step;
    c3[lane] = key.site;
  }
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int lane = 0; lane < kPhiloxLanes; ++lane) {
      const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0[lane];
      const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2[lane];
      c0[lane] = static_cast<uint32_t>(p1 >> 32) ^ c1[lane] ^ k0;
      c1[lane] = static_cast<uint32_t>(p1);
      c2[lane] = static_cast<uint32_t>(p0 >> 32) ^ c3[lane] ^ k1;
      c3[lane] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    words[4 * lane] = c0[lane];
    words[4 * lane + 1] = c1[lane];
    words[4 * lane + 2] = c2[lane];
    words[4 * lane + 3] = c3[lane];
  }
}

// Calls use(i, uniform in [0, 1)) for elements first .. first + count of the key's stream, i from
// 0.
template <class Use>
inline void for_each_uniform(const RandomKey& key, uint64_t first, int64_t count, Use&& use) {
  uint32_t words[kPhiloxWords];
  int64_t done = 0;
  uint64_t block = first / 4;
  int64_t skip = static_cast<int64_t>(first % 4);
  while (done < count) {
    philox_words(key, block, words);
    const int64_t take = count - done < kPhiloxWords - skip ? count - done : kPhiloxWords - skip;
    for (int64_t i = 0; i < take; ++i) use(done + i, uniform_from_word(words[skip + i]));
    done += take;
    block += kPhiloxLanes;
    skip = 0;
  }
}

}  // namespace sy
