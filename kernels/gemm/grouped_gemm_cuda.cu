// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/map.h"
#include "kernels/gemm/grouped_gemm.h"
#include "kernels/gemm/grouped_mma_cuda.h"
#include "kernels/gemm/grouped_plain_cuda.h"

namespace sy {
namespace {

// From this many rows per group on, cuBLASLt multiplies groups one by one faster on an H100 than
// the kernel does all of them, because cuBLASLt's wgmma instructions reach a higher rate than the
// kernel's mma.sync. By the estimate in docs/gpu.md the threshold lies between 1,000 and 8,000.
constexpr int64_t kRowsByGroup = 2048;

struct Capability {
  int major = 0;
  Capability() {
    int device = 0;
    check_cuda(cudaGetDevice(&device), "grouped_gemm");
    check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
               "grouped_gemm");
  }
};

// Blocks for the maximum number of tiles: every group, and the rows after them, may have one partly
// filled tile.
unsigned blocks_of_rows(int64_t rows, int64_t groups, int64_t n, int tile) {
  return narrow<unsigned>((rows / tile + std::min(groups + 1, rows)) * ceil_div(n, tile));
}
unsigned blocks_of_weights(int64_t groups, int64_t k, int64_t n, int tile) {
  return narrow<unsigned>(groups * ceil_div(k, tile) * ceil_div(n, tile));
}

// Only results with rows, not weight gradients, are ever rounded.
template <class T, class Out>
void launch_plain(cudaStream_t stream, const GroupedProblem<T, Out>& p, int64_t rows,
                  bool weights) {
  const size_t shared = 2 * kPlainTile * kPlainStride * sizeof(Compute<T>);
  const int64_t groups = p.table.groups;
  if constexpr (std::is_same_v<Out, Compute<T>>) {
    if (weights) {
      const unsigned blocks = blocks_of_weights(groups, p.k, p.n, kPlainTile);
      return launch(stream, "grouped_gemm",
                    {.grid = blocks, .block = kPlainThreads, .shared_bytes = shared},
                    grouped_weights_plain_kernel<T, Out>, p);
    }
  }
  const unsigned blocks = blocks_of_rows(rows, groups, p.n, kPlainTile);
  launch(stream, "grouped_gemm", {.grid = blocks, .block = kPlainThreads, .shared_bytes = shared},
         grouped_rows_plain_kernel<T, Out>, p);
}

template <class Out>
void launch_tiles(cudaStream_t stream, const GroupedProblem<BFloat16, Out>& p, int64_t rows,
                  bool weights) {
  const int64_t groups = p.table.groups;
  if constexpr (std::is_same_v<Out, float>) {
    if (weights) {
      const unsigned blocks = blocks_of_weights(groups, p.k, p.n, kGroupedTile);
      return launch(stream, "grouped_gemm",
                    {.grid = blocks, .block = kGroupedThreads, .shared_bytes = kGroupedShared},
                    grouped_weights_kernel, p);
    }
  }
  const unsigned blocks = blocks_of_rows(rows, groups, p.n, kGroupedTile);
  launch(stream, "grouped_gemm",
         {.grid = blocks, .block = kGroupedThreads, .shared_bytes = kGroupedShared},
         p.transpose_b ? grouped_rows_kernel<true, Out> : grouped_rows_kernel<false, Out>, p);
}

template <class T, class Out>
void multiply(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
              const GemmOptions& options, Tensor table) {
  const cudaStream_t stream = cuda(exec).compute;
  const GroupedProblem<T, Out> p{
      c.data<Out>(),
      a.data<T>(),
      b.data<T>(),
      {table.at(0).data<int32_t>(), table.at(1).data<int32_t>(), narrow<int>(groups.size)},
      narrow<int>(a.dim(1)),
      narrow<int>(c.dim(-1)),
      options.transpose_b,
      options.accumulate,
      options.relu};
  const bool in_tiles = std::is_same_v<T, BFloat16> && p.k % 8 == 0 && p.n % 8 == 0 &&
                        is_packed({c.raw(), a.raw(), b.raw()});
  launch(stream, "grouped_gemm_table",
         {.block = kTableThreads, .shared_bytes = kWarp * sizeof(int)}, group_table_kernel, p.table,
         groups.counts.data<int32_t>() + groups.first, groups.counts.dim(1), groups.counts.dim(0),
         a.dim(0), in_tiles ? kGroupedTile : kPlainTile);
  if constexpr (std::is_same_v<T, BFloat16>) {
    if (in_tiles) return launch_tiles(stream, p, a.dim(0), options.transpose_a);
  }
  launch_plain(stream, p, a.dim(0), options.transpose_a);
}

}  // namespace

template <>
bool GroupedGemmChoice<Backend::cuda>::by_group(Exec& exec, int64_t rows, int64_t groups) {
  if (groups == 1) return true;
  return rows >= kRowsByGroup * groups && exec.state<Capability>().major >= 9;
}

template <class T>
struct GroupedGemmImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                  const GemmOptions& options, Tensor table) {
    if (c.dtype() == a.dtype()) return multiply<T, T>(exec, c, a, b, groups, options, table);
    if constexpr (std::is_same_v<T, BFloat16>) {
      multiply<T, float>(exec, c, a, b, groups, options, table);
    }
  }
};

template struct GroupedGemmImpl<Backend::cuda, float>;
template struct GroupedGemmImpl<Backend::cuda, double>;
template struct GroupedGemmImpl<Backend::cuda, BFloat16>;

}  // namespace sy
