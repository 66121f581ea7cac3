// Products of groups of rows that differ in number, as the experts of dropless routing have them:
// each group by a matrix of its own. On a GPU one kernel finds its way by sizes that lie there, and
// the host need not know them.
#pragma once

#include <span>

#include "kernels/gemm/gemm.h"

namespace sy {

// Groups lie one after another from row 0. Group g has as many rows as the entries of column first
// + g of `counts` sum to: what each source sent to it.
struct RowGroups {
  Tensor counts;                   // int32 [sources, columns], of the exec's memory
  int64_t first = 0, size = 1;     // columns
  std::span<const int32_t> known;  // [size]: the sums, where the host knows them
};

// Whether grouped_gemm should multiply group by group, as it does then if it is given `known`: on
// the CPU, which has no other way; and on CUDA a single group, or groups so large that cuBLASLt's
// products of them are predicted to be faster than the kernel (docs/gpu.md). `rows` of all groups
// together.
bool grouped_gemm_by_group(Exec& exec, int64_t rows, int64_t groups);

// c [R, n] (overwritten, or accumulated on request): of group g's rows of a [R, k] the products
// with b[g]; b [G, k, n] or with transpose_b [G, n, k]. The groups have at most R rows, below 2^31.
// Rows of c behind them: by the kernel zero, or as they are if accumulating; group by group as they
// are.
// With transpose_a, c [G, k, n] accumulates of each group the product of its rows of a [R, k],
// transposed, and of b [R, n]; `accumulate` must be set, and c's dtype is what a's is computed in.
// Dtypes else, relu and errors are gemm's.
void grouped_gemm(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                  GemmOptions options = {});

template <Backend>
struct GroupedGemmChoice {
  static bool by_group(Exec& exec, int64_t rows, int64_t groups);
};

// The kernel, on CUDA alone; T is a's and b's element. `table` is scratch, int32 [2, G + 2].
template <Backend, class T>
struct GroupedGemmImpl {
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                  const GemmOptions& options, Tensor table);
};

}  // namespace sy
