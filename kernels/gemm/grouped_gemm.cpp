// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/grouped_gemm.h"

#include <bit>
#include <limits>

#include "kernels/dispatch_dtype.h"
#include "kernels/gemm/gemm_shape.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr int64_t kUnsplitRows = 32;  // fewer rows than this are one GEMM
constexpr int kLeadingBits = 3;

// From which number of rows to the next of those that one GEMM takes: any below kUnsplitRows, and
// above it only numbers with at most three leading bits. GEMMs are cached by shape, and ragged row
// counts would otherwise add new shapes at every step, indefinitely.
int64_t step_at(int64_t rows) {
  if (rows < kUnsplitRows) return 1;
  return int64_t{1} << (std::bit_width(static_cast<uint64_t>(rows)) - kLeadingBits);
}

// The largest of those numbers not above `rows`.
int64_t rows_of_gemm(int64_t rows) {
  return rows / step_at(rows) * step_at(rows);
}

// Calls run(first row, rows, group) for GEMMs that together cover every row of every group, or
// while planning for one GEMM of each possible size.
template <class Function>
void for_each_gemm(bool planning, int64_t max_rows, const RowGroups& groups, Function&& run) {
  if (planning) {
    for (int64_t rows = 1; rows <= max_rows; ++rows) {
      if (rows_of_gemm(rows) == rows) run(0, rows, 0);
    }
    return;
  }
  int64_t first = 0;
  for (int64_t group = 0; group < groups.size; ++group) {
    for (int64_t left = groups.known[static_cast<size_t>(group)]; left > 0;) {
      const int64_t rows = rows_of_gemm(left);
      run(first, rows, group);
      first += rows;
      left -= rows;
    }
  }
}

void multiply_by_group(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                       const GemmOptions& options) {
  SY_CHECK(exec.planning || std::ssize(groups.known) == groups.size,
           "grouped_gemm: {} known sizes of {} groups", groups.known.size(), groups.size);
  for_each_gemm(exec.planning, a.dim(0), groups, [&](int64_t first, int64_t rows, int64_t group) {
    const Tensor x = a.slice(first, rows);
    if (options.transpose_a) {
      gemm(exec, c.at(group), x, b.slice(first, rows), options);
    } else {
      gemm(exec, c.slice(first, rows), x, b.at(group), options);
    }
  });
}

// Plans a GEMM of each size that a group may have, and counts those of equal groups alone.
void plan_by_group(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                   const GemmOptions& options, GemmShape equal) {
  PlannedGemms& planned = exec.state<PlannedGemms>();
  const GemmCounts before = planned.single;
  multiply_by_group(exec, c, a, b, groups, options);
  planned.single = before;
  (options.transpose_a ? equal.k : equal.m) = ceil_div(a.dim(0), groups.size);
  equal.batch = groups.size;
  ++planned.grouped[equal];
}

// The sizes as one GEMM over all rows, which has the same number of operations.
GemmShape checked_shape(Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                        const GemmOptions& options) {
  const bool weights = options.transpose_a;
  const Tensor by_group = weights ? c : b, by_row = weights ? b : c;
  SY_CHECK(by_group.rank() == 3 && by_group.dim(0) == groups.size && by_row.rank() == 2 &&
               by_row.dim(0) == a.dim(0) && a.dim(0) <= std::numeric_limits<int32_t>::max(),
           "grouped_gemm: c {}, a {}, b {} of {} groups", c.shape().str(), a.shape().str(),
           b.shape().str(), groups.size);
  SY_CHECK(groups.counts.dtype() == DType::i32 && groups.counts.rank() == 2 && groups.first >= 0 &&
               groups.first + groups.size <= groups.counts.dim(1),
           "grouped_gemm: groups {} to {} of counts {}", groups.first, groups.first + groups.size,
           groups.counts.shape().str());
  SY_CHECK(!weights || (options.accumulate && !options.transpose_b &&
                        c.dtype() == compute_dtype(a.dtype())),
           "grouped_gemm: {} weight gradients; they need accumulate, the compute dtype and no "
           "transpose_b",
           name_of(c.dtype()));
  const Shape matrix{by_group.dim(1), by_group.dim(2)};
  return weights
             ? gemm_shape(c.view({groups.size * matrix[0], matrix[1]}).slice(0, matrix[0]), a, b,
                          options)
             : gemm_shape(c, a, b.view({groups.size * matrix[0], matrix[1]}).slice(0, matrix[0]),
                          options);
}

}  // namespace

std::vector<int64_t> gemms_of_group(int64_t rows) {
  const int64_t rest = step_at(rows) / 2;
  if (rest == 0) return {rows};
  return {rows - rest, rest};
}

bool grouped_gemm_by_group(Exec& exec, int64_t rows, int64_t groups) {
  bool by_group = true;
  dispatch_backend(exec, "grouped_gemm", [&]<Backend B>() {
    by_group = GroupedGemmChoice<B>::by_group(exec, rows, groups);
  });
  return by_group;
}

void grouped_gemm(Exec& exec, Tensor c, Tensor a, Tensor b, const RowGroups& groups,
                  GemmOptions options) {
  const GemmShape shape = checked_shape(c, a, b, groups, options);
  if (groups.size == 0) return;
  const ProfileScope profile(exec.profiler, Part::gemm);
  // Planning covers both ways, because fewer rows or groups may be multiplied the other way.
  const bool by_group = (exec.backend == Backend::cpu || !groups.known.empty()) &&
                        grouped_gemm_by_group(exec, a.dim(0), groups.size);
  if (exec.planning) {
    plan_by_group(exec, c, a, b, groups, options, shape);
  } else if (by_group) {
    return multiply_by_group(exec, c, a, b, groups, options);
  }
  if (exec.planning || exec.profiler.enabled()) {
    exec.state<GemmCounts>()[shape] += exec.planning ? 0 : 1;
  }
  ScratchScope scratch(exec);
  const Tensor table = scratch.take(DType::i32, {2, groups.size + 2}, "groups of rows");
  if (exec.planning || c.numel() == 0) return;
  dispatch_activations(exec, a.dtype(), "grouped_gemm", [&]<Backend B, class T>() {
    GroupedGemmImpl<B, T>::run(exec, c, a, b, groups, options, table);
  });
}

}  // namespace sy
