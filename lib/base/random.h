// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A draw is a pure function of (seed, step, site, element index) and never
// depends on the rank, so dropout, jitter and initialisation are the same on every mesh. Usable on
// host and device.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/host_device.h"

namespace sy {

// Identifies a stream of draws. `site` is unique within a run; see the sites below.
struct RandomKey {
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t site = 0;
};

struct Philox4 {
  uint32_t word[4];
};

// One of the ten rounds. k0 and k1 are the round's key words: the seed's words, bumped by a
// constant from round to round.
SY_HOST_DEVICE inline void philox_round(uint32_t& c0, uint32_t& c1, uint32_t& c2, uint32_t& c3,
                                        uint32_t k0, uint32_t k1) {
  const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0;
  const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
  c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
  c1 = static_cast<uint32_t>(p1);
  c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
  c3 = static_cast<uint32_t>(p0);
}

// The four words of block `block` of the key's stream. Element i of a stream is word i % 4 of block
// i / 4.
SY_HOST_DEVICE inline Philox4 philox(const RandomKey& key, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = key.step, c3 = key.site;
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    philox_round(c0, c1, c2, c3, k0, k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// A key with the key words of all rounds computed in advance; computing them takes a sixth of the
// time of a draw.
struct PhiloxStream {
  uint32_t k0[10], k1[10];
  uint32_t step, site;

  explicit PhiloxStream(const RandomKey& key) : step(key.step), site(key.site) {
    for (uint32_t round = 0; round < 10; ++round) {
      k0[round] = static_cast<uint32_t>(key.seed) + round * 0x9E3779B9u;
      k1[round] = static_cast<uint32_t>(key.seed >> 32) + round * 0xBB67AE85u;
    }
  }
};

// The same four words as philox(key, block).
SY_HOST_DEVICE inline Philox4 philox(const PhiloxStream& stream, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = stream.step, c3 = stream.site;
  for (int round = 0; round < 10; ++round) {
    philox_round(c0, c1, c2, c3, stream.k0[round], stream.k1[round]);
  }
  return {{c0, c1, c2, c3}};
}

// Word `index` of the key's stream.
SY_HOST_DEVICE inline uint32_t random_word(const RandomKey& key, uint64_t index) {
  return philox(key, index / 4).word[index % 4];
}

// Uniform in [0, 1) with 24 random bits, exactly representable in float32.
SY_HOST_DEVICE inline float uniform_from_word(uint32_t word) {
  return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
}
SY_HOST_DEVICE inline float random_uniform(const RandomKey& key, uint64_t index) {
  return uniform_from_word(random_word(key, index));
}

// Uniform integer in [0, bound) by multiply-shift on 32 bits; bound < 2^32.
SY_HOST_DEVICE inline uint32_t random_below(const RandomKey& key, uint64_t index, uint32_t bound) {
  return static_cast<uint32_t>((static_cast<uint64_t>(random_word(key, index)) * bound) >> 32);
}

// Sites: one number for each place that draws. Numbered sites lie below kNamed. Named sites, which
// cover everything that a model draws, start at kNamed.
namespace site {
constexpr uint32_t kData = 0x40000000u;       // kData + stream: shuffling of shards and documents
constexpr uint32_t kSpans = 0x50000000u;      // noise masks; step 0, counter from the example
constexpr uint32_t kWindows = 0x51000000u;    // kWindows + stream: shuffling of windows
constexpr uint32_t kDenoisers = 0x52000000u;  // which denoiser; step 0, counter: the example
constexpr uint32_t kPrefixes = 0x53000000u;   // lengths of prefixes; step 0, counter: the example
constexpr uint32_t kSampling = 0x70000000u;   // generation
constexpr uint32_t kSynthetic = 0x70000001u;  // the benchmark's batches
constexpr uint32_t kNamed = 0x80000000u;

// The site of a name: its 32-bit FNV-1a hash with the top bit set. The hash must never change, or
// resumed runs would draw differently. A name begins with what is drawn, which keeps several uses
// of one place apart: "init/encoder/layers/0/ffn/wi", "dropout/encoder/layers/0/ffn/hidden",
// "jitter/encoder/layers/1/moe". The order of declaration plays no part, so adding a layer or a
// stack leaves all other draws unchanged. Two names may hash to the same site; whoever declares
// them checks for that (SiteRegistry).
constexpr uint32_t of_name(std::string_view name) {
  uint32_t hash = 0x811C9DC5u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return hash | kNamed;
}
}  // namespace site

}  // namespace sy
