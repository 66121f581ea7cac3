// SPDX-License-Identifier: Apache-2.0
// Tensor cores for bfloat16, one warp at a time: d [16, 8] += a [16, 16] b [16, 8] with float32
// sums, and loads of their operands from shared memory. For lane l, g = l / 4 and t = l % 4:
//   a  4 words: columns 2t, 2t + 1 of rows g and g + 8,
//      then columns 2t + 8, 2t + 9 of the same rows
//   b  2 words: rows 2t, 2t + 1 of column g, then rows 2t + 8, 2t + 9
//   d  4 sums: columns 2t, 2t + 1 of row g, then of row g + 8
// The lower half of a word holds the lower row or column. Two adjacent d, rounded, therefore form
// an a. Compiled for the host, lanes exchange their words and each computes its four sums: products
// of bfloat16 are exact in float32 and are added in the order of k, or truncated as the hardware's
// are (tests/hostcuda/device/arithmetic.h).
#pragma once

#include <cstring>

#include "kernels/cuda/device.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

// Two numbers, rounded to bfloat16, packed into an operand word.
__device__ inline uint32_t bfloat16_pair(float lower, float upper) {
#ifdef SY_HOSTCUDA
  return bfloat16_bits(lower) | static_cast<uint32_t>(bfloat16_bits(upper)) << 16;
#else
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(upper), "f"(lower));
  return word;
#endif
}

// to[0], to[1] = two numbers, rounded. `to` is aligned to 4 bytes.
__device__ inline void put_pair(BFloat16* to, float lower, float upper) {
  const uint32_t word = bfloat16_pair(lower, upper);
#ifdef SY_HOSTCUDA
  hostcuda::check_aligned(to, 4, "a store", hostcuda::Site::current());
  std::memcpy(to, &word, 4);
#else
  *reinterpret_cast<uint32_t*>(to) = word;
#endif
}

#ifdef SY_HOSTCUDA
namespace hostcuda {

// words[i] = the word of lane first + i.
inline void four_lanes(uint64_t (&words)[4], const uint64_t* all, int first) {
  for (int i = 0; i < 4; ++i) words[i] = all[first + i];
}

// A row of a or a column of b, k = 0 .. 15, from the words of its four lanes.
inline void operand_line(float (&line)[16], const uint64_t (&words)[4]) {
  for (int t = 0; t < 4; ++t) {
    for (int half = 0; half < 2; ++half) {
      const auto word = static_cast<uint32_t>(words[t] >> 32 * half);
      line[8 * half + 2 * t] = std::bit_cast<float>(word << 16);
      line[8 * half + 2 * t + 1] = std::bit_cast<float>(word & 0xffff0000u);
    }
  }
}

inline void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, Site site) {
  const auto both = [](uint32_t lower, uint32_t upper) {
    return static_cast<uint64_t>(upper) << 32 | lower;
  };
  const int g = lane_id() / 4, t = lane_id() % 4;
  uint64_t words[4];
  float rows[2][16], columns[2][16];
  four_lanes(words, exchange(kFullWarp, both(a[0], a[2]), "mma", site), 4 * g);
  operand_line(rows[0], words);
  four_lanes(words, exchange(kFullWarp, both(a[1], a[3]), "mma", site), 4 * g);
  operand_line(rows[1], words);
  const uint64_t* all = exchange(kFullWarp, both(b0, b1), "mma", site);
  for (int column = 0; column < 2; ++column) {
    four_lanes(words, all, 4 * (2 * t + column));
    operand_line(columns[column], words);
  }
  if (arithmetic() == Arithmetic::device) {
    for (int i = 0; i < 4; ++i) d[i] = add_truncated(d[i], rows[i / 2], columns[i % 2]);
    return;
  }
  for (int k = 0; k < 16; ++k) {
    for (int i = 0; i < 4; ++i) d[i] += rows[i / 2][k] * columns[i % 2][k];
  }
}

// The rows' addresses of the 32 lanes.
inline const uint64_t* exchange_rows(const BFloat16* row, Site site) {
  check_aligned(row, 16, "ldmatrix", site);
  return exchange(kFullWarp, reinterpret_cast<uint64_t>(row), "ldmatrix", site);
}

inline const BFloat16* matrix_row(const uint64_t* rows, int matrix, int row) {
  return reinterpret_cast<const BFloat16*>(rows[8 * matrix + row]);
}

}  // namespace hostcuda
#endif

// d += a b. Here and below, all lanes of the warp must call together; volatile, so that the
// compiler moves none of it into a branch.
__device__ inline void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                    uint32_t b1) {
#ifdef SY_HOSTCUDA
  hostcuda::mma(d, a, b0, b1, hostcuda::Site::current());
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// Loads four [8, 8] matrices from shared memory: lane l passes row l % 8 of matrix l / 8, eight
// elements aligned to 16 bytes, and receives columns 2t, 2t + 1 of row g of each matrix.
__device__ inline void load_matrices(uint32_t (&to)[4], const BFloat16* row) {
#ifdef SY_HOSTCUDA
  const auto* rows = hostcuda::exchange_rows(row, hostcuda::Site::current());
  for (int m = 0; m < 4; ++m) {
    std::memcpy(&to[m], hostcuda::matrix_row(rows, m, lane_id() / 4) + 2 * (lane_id() % 4), 4);
  }
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
#endif
}

// Likewise for the transposed matrices: rows 2t, 2t + 1 of column g.
__device__ inline void load_matrices_transposed(uint32_t (&to)[4], const BFloat16* row) {
#ifdef SY_HOSTCUDA
  const auto* rows = hostcuda::exchange_rows(row, hostcuda::Site::current());
  const int g = lane_id() / 4, t = lane_id() % 4;
  for (int m = 0; m < 4; ++m) {
    const uint32_t lower = hostcuda::matrix_row(rows, m, 2 * t)[g].bits;
    const uint32_t upper = hostcuda::matrix_row(rows, m, 2 * t + 1)[g].bits;
    to[m] = lower | upper << 16;
  }
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
#endif
}

}  // namespace sy
