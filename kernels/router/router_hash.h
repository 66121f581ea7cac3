// SPDX-License-Identifier: Apache-2.0
// A router that learns nothing (Roller et al. 2021, "Hash Layers"): a token's expert is a fixed
// function of its id. Ids are permuted, and dealt to the experts in turn, so that each expert has
// the same share of the vocabulary to one id.
#pragma once

#include <cstdint>

#include "lib/base/host_device.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Overwrites expert int32 [T, 1] with hash_expert(ids[t], vocabulary, experts, site) and gate [T,
// 1] (float32 or float64) with 1; for tokens that are not valid, have no id or one outside of the
// vocabulary, with -1 and 0. valid int32 [T]; ids int32 [N], those of the first N <= T tokens.
void router_hash(Exec& exec, Tensor gate, Tensor expert, Tensor ids, Tensor valid,
                 int64_t vocabulary, int64_t experts, uint32_t site);

// A permutation of [0, count), another one for each site, that must never change: it is part of
// what a model has learnt. A Feistel network on the smallest even number of bits that holds count;
// results outside of the range go round again, at most four times on average. id < count <= 2^30.
SY_HOST_DEVICE inline uint32_t permuted_id(uint32_t id, uint32_t count, uint32_t site) {
  constexpr uint32_t kRounds = 4;
  uint32_t half = 0;
  while ((uint32_t{1} << (2 * half)) < count) ++half;
  const uint32_t mask = (uint32_t{1} << half) - 1;
  do {
    uint32_t left = id >> half, right = id & mask;
    for (uint32_t round = 1; round <= kRounds; ++round) {
      uint32_t mixed = (right + site) ^ (round * 0x9E3779B9u);
      mixed = (mixed ^ (mixed >> 16)) * 0x85EBCA6Bu;
      mixed = (mixed ^ (mixed >> 13)) * 0xC2B2AE35u;
      const uint32_t next = left ^ ((mixed ^ (mixed >> 16)) & mask);
      left = right;
      right = next;
    }
    id = (left << half) | right;
  } while (id >= count);
  return id;
}

SY_HOST_DEVICE inline int32_t hash_expert(int32_t id, int64_t vocabulary, int64_t experts,
                                          uint32_t site) {
  const uint32_t place =
      permuted_id(static_cast<uint32_t>(id), static_cast<uint32_t>(vocabulary), site);
  return static_cast<int32_t>(place % static_cast<uint32_t>(experts));
}

template <Backend, class T>
struct RouterHashImpl {
  static void run(Exec& exec, Tensor gate, Tensor expert, Tensor ids, Tensor valid,
                  int64_t vocabulary, int64_t experts, uint32_t site);
};

}  // namespace sy
