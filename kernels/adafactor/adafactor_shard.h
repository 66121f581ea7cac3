// SPDX-License-Identifier: Apache-2.0
// The step of adafactor.h on matrices that are sharded over ranks by rows or by columns. Means over
// rows, columns and whole matrices need all shards, so a step has three phases, between which the
// caller sums over the ranks of the shards, for all items at once:
//   adafactor_shard_sums     -> all-reduce sums
//   adafactor_shard_updates  -> all-reduce updates
//   adafactor_shard_write
#pragma once

#include <span>

#include "kernels/adafactor/adafactor.h"

namespace sy {

// A rank's shards of a batch of matrices. value, grad [batch, n, m]; factored: row [batch, n] and
// col [batch, m], otherwise second [batch, n, m]. If there is a `rounded`, of value's shape in
// bfloat16, it is overwritten with the new value, rounded. The side that is not sharded has its
// whole length, and its moments are the same on every rank.
struct AdafactorShard {
  Tensor value, grad;
  Tensor row, col;
  Tensor second;
  Tensor rounded;
  bool by_rows = false;  // the rows are sharded, otherwise the columns
  int64_t shards = 1;

  bool factored() const { return second.empty(); }
  int64_t batch() const { return value.dim(0); }
  int64_t n() const { return value.dim(1); }
  int64_t m() const { return value.dim(2); }
  int64_t whole_n() const { return by_rows ? n() * shards : n(); }
  int64_t whole_m() const { return by_rows ? m() : m() * shards; }
  // Sums of squares along the sharded side, one per row or column of the other side.
  int64_t lines() const { return !factored() ? 0 : by_rows ? m() : n(); }
  // Float64 sums of a matrix: those of its lines, of the squares of the values, and of the row
  // moments (factored) or of the squares of the update.
  int64_t sums() const { return lines() + 2; }
};

// Elements of the float64 tensors of these items.
int64_t adafactor_shard_sum_count(std::span<const AdafactorShard> items);
int64_t adafactor_shard_update_count(std::span<const AdafactorShard> items);

// Overwrites `sums`, and updates the moments that this rank's shard determines: those of the
// sharded side, or the second moment. If step.clip says that the step is skipped, sums are 0 and
// moments do not change, here and in the next phase.
void adafactor_shard_sums(Exec& exec, std::span<const AdafactorShard> items,
                          const AdafactorStep& step, Tensor sums);

// From the sums over all ranks, updates the moments of the other side, and overwrites `updates`,
// one number per factored matrix. Completes `sums` where columns are sharded.
void adafactor_shard_updates(Exec& exec, std::span<const AdafactorShard> items,
                             const AdafactorStep& step, Tensor sums, Tensor updates);

// Updates the values, from both tensors summed over all ranks.
void adafactor_shard_write(Exec& exec, std::span<const AdafactorShard> items,
                           const AdafactorStep& step, Tensor sums, Tensor updates);

constexpr size_t kAdafactorShards = 24;  // maximum per wave: CUDA kernels take them as arguments

template <Backend, class T>
struct AdafactorShardImpl {
  // Elements of scratch for one item: float64 numbers per row, and T.
  static int64_t row_numbers(const AdafactorShard& item);
  static int64_t column_sums(const AdafactorShard& item);
  // One wave. `sums` and `updates` are those of its items; scratch suffices for all of them.
  static void sums(Exec& exec, std::span<const AdafactorShard> wave, const AdafactorStep& step,
                   Tensor sums, Tensor rows, Tensor columns);
  static void updates(Exec& exec, std::span<const AdafactorShard> wave, const AdafactorStep& step,
                      Tensor sums, Tensor updates, Tensor rows, Tensor columns);
  static void write(Exec& exec, std::span<const AdafactorShard> wave, const AdafactorStep& step,
                    Tensor sums, Tensor updates);
};

}  // namespace sy
