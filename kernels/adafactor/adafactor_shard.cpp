// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor_shard.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"
#include "kernels/elementwise/elementwise.h"

namespace sy {
namespace {

using Shards = std::span<const AdafactorShard>;

void check(const AdafactorShard& item, DType dtype) {
  const Shape& shape = item.value.shape();
  SY_CHECK(shape.rank() == 3 && item.grad.shape() == shape && item.value.dtype() == dtype &&
               item.shards > 0,
           "adafactor_shard: value {}, grad {}, {} shards in a list of {}", shape.str(),
           item.grad.shape().str(), item.shards, name_of(dtype));
  SY_CHECK(item.rounded.empty() ||
               (item.rounded.dtype() == DType::bf16 && item.rounded.shape() == shape),
           "adafactor_shard: value {}, rounded {}", shape.str(), item.rounded.shape().str());
  const bool moments = item.factored() ? item.row.shape() == Shape({shape[0], shape[1]}) &&
                                             item.col.shape() == Shape({shape[0], shape[2]})
                                       : item.second.shape() == shape;
  SY_CHECK(moments, "adafactor_shard: value {}, row {}, col {}, second {}", shape.str(),
           item.row.shape().str(), item.col.shape().str(), item.second.shape().str());
}

void check(Shards items, DType dtype, Tensor sums, Tensor updates) {
  for (const AdafactorShard& item : items) check(item, dtype);
  SY_CHECK(sums.numel() == adafactor_shard_sum_count(items) && sums.dtype() == DType::f64,
           "adafactor_shard: sums {}", sums.shape().str());
  SY_CHECK(updates.empty() || (updates.numel() == adafactor_shard_update_count(items) &&
                               updates.dtype() == DType::f64),
           "adafactor_shard: updates {}", updates.shape().str());
}

// Calls body(wave, its sums, its updates) for consecutive waves.
template <class Body>
void for_each_wave(Shards items, Tensor sums, Tensor updates, const Body& body) {
  int64_t sum = 0, update = 0;
  while (!items.empty()) {
    const Shards wave = items.first(std::min(items.size(), kAdafactorShards));
    items = items.subspan(wave.size());
    const int64_t sum_count = adafactor_shard_sum_count(wave);
    const int64_t update_count = adafactor_shard_update_count(wave);
    body(wave, sums.slice(sum, sum_count),
         updates.empty() ? Tensor() : updates.slice(update, update_count));
    sum += sum_count;
    update += update_count;
  }
}

struct Scratch {
  Tensor rows, columns;
};

// Scratch for the largest wave.
Scratch take_scratch(Exec& exec, ScratchScope& scope, Shards items, DType dtype) {
  int64_t most_rows = 0, most_columns = 0;
  dispatch(exec, dtype, "adafactor_shard", [&]<Backend B, class T>() {
    using Impl = AdafactorShardImpl<B, T>;
    for (size_t first = 0; first < items.size(); first += kAdafactorShards) {
      int64_t rows = 0, columns = 0;
      const size_t count = std::min(items.size() - first, kAdafactorShards);
      for (const AdafactorShard& item : items.subspan(first, count)) {
        rows += Impl::row_numbers(item);
        columns += Impl::column_sums(item);
      }
      most_rows = std::max(most_rows, rows);
      most_columns = std::max(most_columns, columns);
    }
  });
  return {scope.take(DType::f64, {most_rows}, "adafactor shard rows"),
          scope.take(dtype, {most_columns}, "adafactor shard columns")};
}

}  // namespace

int64_t adafactor_shard_sum_count(Shards items) {
  int64_t count = 0;
  for (const AdafactorShard& item : items) count += item.batch() * item.sums();
  return count;
}

int64_t adafactor_shard_update_count(Shards items) {
  int64_t count = 0;
  for (const AdafactorShard& item : items) count += item.factored() ? item.batch() : 0;
  return count;
}

void adafactor_shard_sums(Exec& exec, Shards items, const AdafactorStep& step, Tensor sums) {
  if (items.empty()) return;
  const DType dtype = items[0].value.dtype();
  check(items, dtype, sums, {});
  ScratchScope scope(exec);
  const Scratch scratch = take_scratch(exec, scope, items, dtype);
  fill_zero(exec, sums);
  if (exec.planning) return;
  dispatch(exec, dtype, "adafactor_shard", [&]<Backend B, class T>() {
    for_each_wave(items, sums, {}, [&](Shards wave, Tensor of_wave, Tensor) {
      AdafactorShardImpl<B, T>::sums(exec, wave, step, of_wave, scratch.rows, scratch.columns);
    });
  });
}

void adafactor_shard_updates(Exec& exec, Shards items, const AdafactorStep& step, Tensor sums,
                             Tensor updates) {
  if (items.empty()) return;
  const DType dtype = items[0].value.dtype();
  check(items, dtype, sums, updates);
  ScratchScope scope(exec);
  const Scratch scratch = take_scratch(exec, scope, items, dtype);
  fill_zero(exec, updates);
  if (exec.planning) return;
  dispatch(exec, dtype, "adafactor_shard", [&]<Backend B, class T>() {
    for_each_wave(items, sums, updates, [&](Shards wave, Tensor of_wave, Tensor to) {
      AdafactorShardImpl<B, T>::updates(exec, wave, step, of_wave, to, scratch.rows,
                                        scratch.columns);
    });
  });
}

void adafactor_shard_write(Exec& exec, Shards items, const AdafactorStep& step, Tensor sums,
                           Tensor updates) {
  if (items.empty()) return;
  const DType dtype = items[0].value.dtype();
  check(items, dtype, sums, updates);
  if (exec.planning) return;
  dispatch(exec, dtype, "adafactor_shard", [&]<Backend B, class T>() {
    for_each_wave(items, sums, updates, [&](Shards wave, Tensor of_wave, Tensor from) {
      AdafactorShardImpl<B, T>::write(exec, wave, step, of_wave, from);
    });
  });
}

}  // namespace sy
