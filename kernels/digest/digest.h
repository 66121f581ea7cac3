// SPDX-License-Identifier: Apache-2.0
// A checksum of a tensor's bits, computed on the device that holds the tensor. It finds out whether
// two tensors are the same to the last bit without keeping either.
#pragma once

#include <cstring>

#include "lib/base/host_device.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Sums that a tensor's words are divided among. They are added on the host, modulo 2^64, in which
// no order of summation changes the result.
constexpr int64_t kDigestParts = 32;

// parts, int32 [kDigestParts, 2] in the exec's memory at a multiple of 8 bytes, is overwritten with
// the sums of digest_term() over x, each the two halves of a 64-bit number. x is of any dtype and
// may be empty: then the sums are 0. Does not wait.
void digest(Exec& exec, Tensor parts, Tensor x);

// The digest from a host copy of `parts`. The same for any number of threads, and on both backends.
inline uint64_t digest_of(const int32_t* parts) {
  uint64_t sums[kDigestParts], total = 0;
  std::memcpy(sums, parts, sizeof sums);
  for (const uint64_t sum : sums) total += sum;
  return total;
}

// The share of a word at `position` in the tensor. Two words at the same place never have the same
// share, so that a change of a single word always changes the digest.
SY_HOST_DEVICE inline uint64_t digest_term(uint32_t word, int64_t position) {
  uint64_t x = word + static_cast<uint64_t>(position) * 0x9E3779B97F4A7C15u;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93u;
  return x ^ (x >> 32);
}

// The words of part `part` of `count`: from word begin(part) to begin(part + 1).
SY_HOST_DEVICE inline int64_t digest_begin(int64_t count, int64_t part) {
  const int64_t each = (count + kDigestParts - 1) / kDigestParts;
  return part * each < count ? part * each : count;
}

// Word is uint16_t or uint32_t.
template <Backend, class Word>
struct DigestImpl {
  static void run(Exec& exec, uint64_t* sums, const Word* words, int64_t count);
};

}  // namespace sy
