// SPDX-License-Identifier: Apache-2.0
// Dropout masks for the tensor-core kernels. A Philox block holds the words of four consecutive
// keys of a query, which belong to different lanes. Each lane draws one block for every four of its
// elements, and lanes exchange words. If rows of words do not start at a block boundary (the number
// of keys is not a multiple of four), each element draws its own block.
#pragma once

#include "kernels/attention/problem_cuda.h"

namespace sy {

// Kernels are compiled with and without dropout: its words and addresses would take registers that
// the kernels without it do not have to spare.
struct NoFusedDropout {
  static constexpr bool kDrops = false;

  __device__ explicit NoFusedDropout(const AttentionHead<BFloat16>&) {}
  __device__ void of_queries(float (&)[4], int, int) const {}
  __device__ void of_keys(float (&)[4], int, int) const {}
};

// Where a head's words begin, and what they are compared with.
struct FusedWords {
  static constexpr bool kDrops = true;
  RandomKey key;
  float rate, kept;
  uint64_t first;  // word of query 0 and key 0

  __device__ explicit FusedWords(const AttentionHead<BFloat16>& head)
      : key(head.p.dropout_key),
        rate(head.p.dropout_rate),
        kept(head.kept()),
        first(head.words(0)) {}

  __device__ float factor(uint32_t drawn) const {
    return uniform_from_word(drawn) >= rate ? kept : 0.0f;
  }
  // Of word 0 to 3 of a block, without indexing: an indexed array would be placed in local memory.
  __device__ float factor_at(uint64_t block, unsigned word) const {
    const Philox4 drawn = philox(key, block);
    const uint32_t low = word % 2 != 0 ? drawn.word[1] : drawn.word[0];
    const uint32_t high = word % 2 != 0 ? drawn.word[3] : drawn.word[2];
    return factor(word / 2 != 0 ? high : low);
  }
};

struct FusedDropout : FusedWords {
  int keys;  // words per query

  __device__ explicit FusedDropout(const AttentionHead<BFloat16>& head)
      : FusedWords(head), keys(head.p.lk) {}

  __device__ uint64_t word(int i, int j) const {
    return first + static_cast<uint64_t>(i) * static_cast<uint64_t>(keys) +
           static_cast<uint64_t>(j);
  }
  __device__ bool by_blocks() const { return keys % 4 == 0; }
  __device__ float factor_of(int i, int j) const {
    const uint64_t place = word(i, j);
    return factor_at(place / 4, static_cast<unsigned>(place % 4));
  }

  // factors[2 x + y] for query i + g + 8 x and key j + 2 t + y; i and j are multiples of 8. Lanes
  // with even t draw for the first query, lanes with odd t for the second.
  __device__ void of_queries(float (&factors)[4], int i, int j) const {
    const int g = lane_id() / 4, t = lane_id() % 4;
    if (!by_blocks()) {
#pragma unroll
      for (int x = 0; x < 4; ++x) factors[x] = factor_of(i + g + x / 2 * 8, j + 2 * t + x % 2);
      return;
    }
    const bool odd = t % 2 != 0;
    const Philox4 drawn = philox(key, word(i + g + (odd ? 8 : 0), j + t / 2 * 4) / 4);
    const uint32_t mine[2] = {odd ? drawn.word[2] : drawn.word[0],
                              odd ? drawn.word[3] : drawn.word[1]};
    const uint32_t first_given = odd ? drawn.word[0] : drawn.word[2];
    const uint32_t second_given = odd ? drawn.word[1] : drawn.word[3];
    const uint32_t theirs[2] = {__shfl_xor_sync(kFullWarp, first_given, 1),
                                __shfl_xor_sync(kFullWarp, second_given, 1)};
#pragma unroll
    for (int y = 0; y < 2; ++y) {
      factors[y] = factor(odd ? theirs[y] : mine[y]);
      factors[2 + y] = factor(odd ? mine[y] : theirs[y]);
    }
  }

  // factors[2 x + y] for key j + g + 8 x and query i + 2 t + y. The four lanes with equal g / 4 and
  // t share four blocks: lane r = g % 4 draws the one for y = r % 2 and x = r / 2, and the four by
  // four words are then transposed.
  __device__ void of_keys(float (&factors)[4], int i, int j) const {
    const int g = lane_id() / 4, t = lane_id() % 4, r = g % 4;
    if (!by_blocks()) {
#pragma unroll
      for (int x = 0; x < 4; ++x) factors[x] = factor_of(i + 2 * t + x % 2, j + g + x / 2 * 8);
      return;
    }
    Philox4 drawn = philox(key, word(i + 2 * t + r % 2, j + g / 4 * 4 + r / 2 * 8) / 4);
    exchange(drawn.word[0], drawn.word[1], r % 2 != 0, 4);
    exchange(drawn.word[2], drawn.word[3], r % 2 != 0, 4);
    exchange(drawn.word[0], drawn.word[2], r / 2 != 0, 8);
    exchange(drawn.word[1], drawn.word[3], r / 2 != 0, 8);
#pragma unroll
    for (int x = 0; x < 4; ++x) factors[x] = factor(drawn.word[x]);
  }

 private:
  // One step of the transposition: of two lanes `distance` apart, the lower one gives its `upper`
  // in exchange for the other's `lower`.
  static __device__ void exchange(uint32_t& lower, uint32_t& upper, bool is_upper, int distance) {
    const uint32_t got = __shfl_xor_sync(kFullWarp, is_upper ? lower : upper, distance);
    if (is_upper) {
      lower = got;
    } else {
      upper = got;
    }
  }
};

// All queries have one mask, whose words begin at a block (dropout_by_key in attention.h). A lane
// draws for its own keys, which it has once for all of its queries.
struct FusedKeyDropout : FusedWords {
  using FusedWords::FusedWords;

  // As FusedDropout's: key j + 2 t and the next one share a block.
  __device__ void of_queries(float (&factors)[4], int, int j) const {
    const int t = lane_id() % 4;
    const bool odd = t % 2 != 0;
    const Philox4 drawn = philox(key, (first + static_cast<uint64_t>(j)) / 4 + t / 2);
    factors[0] = factors[2] = factor(odd ? drawn.word[2] : drawn.word[0]);
    factors[1] = factors[3] = factor(odd ? drawn.word[3] : drawn.word[1]);
  }
  __device__ void of_keys(float (&factors)[4], int, int j) const {
    const int g = lane_id() / 4;
    const uint64_t block = (first + static_cast<uint64_t>(j)) / 4 + g / 4;
    factors[0] = factors[1] = factor_at(block, g % 4);
    factors[2] = factors[3] = factor_at(block + 2, g % 4);
  }
};

}  // namespace sy
