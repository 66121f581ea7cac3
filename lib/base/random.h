// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A draw is a pure function of (seed, step, site, element index), never of a
// rank, so dropout, jitter and initialisation are the same on every mesh. Host and device.
#pragma once

#include <cstdint>

#include "lib/base/host_device.h"

namespace sy {

// What a stream of draws is for. `site` is unique in a run: see sites below.
struct RandomKey {
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t site = 0;
};

struct Philox4 {
  uint32_t word[4];
};

// What the ten rounds of philox() mix in, of a seed. Kernels that draw much are given them made:
// making them is a quarter of a draw.
struct PhiloxRounds {
  uint32_t low[10], high[10];
};

SY_HOST_DEVICE inline PhiloxRounds philox_rounds(uint64_t seed) {
  PhiloxRounds rounds;
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    rounds.low[round] = k0;
    rounds.high[round] = k1;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return rounds;
}

// The four words at `block` of the key's stream; element i of a stream is word i % 4 of block i
// / 4. `rounds` are those of the key's seed.
SY_HOST_DEVICE inline Philox4 philox(const PhiloxRounds& rounds, uint32_t step, uint32_t site,
                                     uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = step, c3 = site;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0;
    const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ rounds.low[round];
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ rounds.high[round];
    c3 = static_cast<uint32_t>(p0);
  }
  return {{c0, c1, c2, c3}};
}
SY_HOST_DEVICE inline Philox4 philox(const RandomKey& key, uint64_t block) {
  return philox(philox_rounds(key.seed), key.step, key.site, block);
}

// Word `index` of the key's stream.
SY_HOST_DEVICE inline uint32_t random_word(const RandomKey& key, uint64_t index) {
  return philox(key, index / 4).word[index % 4];
}

// Uniform in [0, 1) with 24 bits, exactly representable in float32.
SY_HOST_DEVICE inline float uniform_from_word(uint32_t word) {
  return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
}
SY_HOST_DEVICE inline float random_uniform(const RandomKey& key, uint64_t index) {
  return uniform_from_word(random_word(key, index));
}

// Uniform integer in [0, bound), by multiply-shift on 32 bits; bound < 2^32.
SY_HOST_DEVICE inline uint32_t random_below(const RandomKey& key, uint64_t index, uint32_t bound) {
  return static_cast<uint32_t>((static_cast<uint64_t>(random_word(key, index)) * bound) >> 32);
}

// Sites: one number for each place that draws. The model numbers its sub-layers from 0 and gives
// each 16 sites; data and initialisation sit above.
namespace site {
constexpr uint32_t kModel = 0;            // kModel + 16 * sub_layer + use
constexpr uint32_t kData = 0x40000000u;   // kData + stream: shuffling
constexpr uint32_t kSpans = 0x50000000u;  // kSpans: noise masks, step 0, counter from the example
constexpr uint32_t kInit = 0x60000000u;   // kInit + parameter's number
constexpr uint32_t kSampling = 0x70000000u;   // generation
constexpr uint32_t kSynthetic = 0x70000001u;  // batches of the benchmark
}  // namespace site

}  // namespace sy
