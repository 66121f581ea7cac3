// SPDX-License-Identifier: Apache-2.0
// GEMMs over groups of rows of different sizes, as dropless routing gives them to experts: each
// group is multiplied by its own matrix. On a GPU, one kernel reads the group sizes from device
// memory, and the host need not know them.
#pragma once

#include <span>
#include <vector>

#include "kernels/gemm/gemm.h"

namespace sy {

// Groups follow one another from row 0. The number of rows of group g is the sum of column first +
// g of `counts`: the rows that each source sent to it.
struct RowGroups {
  Tensor counts;                   // int32 [sources, columns], in the exec's memory
  int64_t first = 0, size = 1;     // range of columns
  std::span<const int32_t> known;  // [size]: the groups' row counts, if the host knows them
};

// Whether grouped_gemm should multiply group by group; it does so if it is also given `known`. True
// on the CPU, which has no other way, and on CUDA for a single group or for groups so large that
// cuBLASLt's GEMMs are predicted to be faster than the kernel (docs/gpu.md). `rows` is the total
// over all groups.
bool grouped_gemm_by_group(Exec& exec, int64_t rows, int64_t groups);

// The rows of the GEMMs by which a group of about so many rows is multiplied, where it is done
// group by group, on average. Their sizes are few, so most groups take a large GEMM and a small
// one.
std::vector<int64_t> gemms_of_group(int64_t rows);

// c [R, n] (overwritten, or accumulated on request): group g's rows of a [R, k] times b[g]. b is
// [G, k, n], or [G, n, k] with transpose_b. The groups have at most R rows in total; R is below
// 2^31. Rows of c after the groups: the kernel sets them to zero, or leaves them unchanged if
// accumulating; group by group they are left unchanged.
//
// With transpose_a, c [G, k, n] accumulates, for each group, the transpose of its rows of a [R, k]
// times its rows of b [R, n]. `accumulate` must be set, and c has a's compute_dtype(). Otherwise
// dtypes, relu and errors are those of gemm.
void grouped_gemm(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                  GemmOptions options = {});

template <Backend>
struct GroupedGemmChoice {
  static bool by_group(Exec& exec, int64_t rows, int64_t groups);
};

// The CUDA kernel; the CPU has none. T is the element type of a and b. `table` is scratch, int32
// [2, G + 2].
template <Backend, class T>
struct GroupedGemmImpl {
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                  const GemmOptions& options, Tensor table);
};

}  // namespace sy
