// A tile's sums to memory, of a grouped product on tensor cores.
#pragma once

#include "kernels/gemm/grouped_tiles.h"

namespace sy {

struct StoreOptions {
  bool accumulate, relu;
};

// Words [i] of four neighbouring lanes, exchanged: afterwards lane t has word t of lanes 0, 1,
// 2, 3.
__device__ inline void transpose_quad(uint32_t (&words)[4]) {
  const int t = lane_id() % 4;
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const uint32_t got = __shfl_xor_sync(kFullWarp, t % 2 != 0 ? words[i] : words[i + 1], 1);
    if (t % 2 != 0) {
      words[i] = got;
    } else {
      words[i + 1] = got;
    }
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const uint32_t got = __shfl_xor_sync(kFullWarp, t >= 2 ? words[i] : words[i + 2], 2);
    if (t >= 2) {
      words[i] = got;
    } else {
      words[i + 2] = got;
    }
  }
}

// Of one row of the warp's part, two sums in each of four columns' octets: to `row`, whose first
// column is the part's; `cols` of its columns are there, in whole octets.
__device__ inline void store_row(float* row, bool there, int cols, const float (&sums)[4][2],
                                 const StoreOptions& options) {
  const int t = lane_id() % 4;
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    if (!there || 8 * n >= cols) continue;
    auto* to = reinterpret_cast<float2*>(row + 8 * n + 2 * t);
    float2 value{sums[n][0], sums[n][1]};
    if (options.accumulate) {
      const float2 before = *to;
      value.x += before.x;
      value.y += before.y;
    }
    if (options.relu) value = {fmaxf(value.x, 0.0f), fmaxf(value.y, 0.0f)};
    *to = value;
  }
}

// Rounded once; a lane writes sixteen bytes.
__device__ inline void store_row(BFloat16* row, bool there, int cols, const float (&sums)[4][2],
                                 const StoreOptions& options) {
  const int t = lane_id() % 4;
  uint32_t words[4];
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    float lower = sums[n][0], upper = sums[n][1];
    if (options.accumulate && there && 8 * n < cols) {
      lower += row[8 * n + 2 * t];
      upper += row[8 * n + 2 * t + 1];
    }
    if (options.relu) {
      lower = fmaxf(lower, 0.0f);
      upper = fmaxf(upper, 0.0f);
    }
    words[n] = bfloat16_pair(lower, upper);
  }
  transpose_quad(words);
  if (!there || 8 * t >= cols) return;
  Pack<BFloat16> pack;
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    pack.value[2 * n].bits = static_cast<uint16_t>(words[n]);
    pack.value[2 * n + 1].bits = static_cast<uint16_t>(words[n] >> 16);
  }
  *reinterpret_cast<Pack<BFloat16>*>(row + 8 * t) = pack;
}

// The block's tile from c on, whose rows lie `stride` apart; `rows` and `cols` are there, in whole
// octets of columns.
template <class Out>
__device__ void store_tile_sums(Out* c, int64_t stride, int rows, int cols, const GroupedSums& sums,
                                const StoreOptions& options) {
#pragma unroll
  for (int m = 0; m < kWarpRows / 16; ++m) {
#pragma unroll
    for (int x = 0; x < 2; ++x) {
      const int row = warp_row() + 16 * m + lane_id() / 4 + 8 * x;
      float here[4][2];
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        here[n][0] = sums[m][n][2 * x];
        here[n][1] = sums[m][n][2 * x + 1];
      }
      store_row(c + row * stride + warp_col(), row < rows, cols - warp_col(), here, options);
    }
  }
}

}  // namespace sy
