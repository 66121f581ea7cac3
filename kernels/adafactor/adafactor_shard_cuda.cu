// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/shard_passes_cuda.h"
#include "kernels/cuda/launch.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

template <class T>
T* data_or_null(Tensor tensor) {
  return tensor.empty() ? nullptr : tensor.data<T>();
}

// The wave's items, with their parts of the sums, updates and scratch. Its blocks are set by each
// launch.
template <class T>
ShardWave<T> wave_of(std::span<const AdafactorShard> items, const AdafactorStep& step, Tensor sums,
                     Tensor updates, Tensor rows) {
  ShardWave<T> wave;
  wave.clip = clip_data(step.clip);
  wave.step = step;
  double *sum = sums.data<double>(), *update = data_or_null<double>(updates);
  double* numbers = data_or_null<double>(rows);
  for (const AdafactorShard& item : items) {
    wave.items[wave.count++] = {item.value.data<T>(),
                                data_or_null<T>(item.row),
                                data_or_null<T>(item.col),
                                data_or_null<T>(item.second),
                                data_or_null<BFloat16>(item.rounded),
                                item.grad.data<T>(),
                                sum,
                                update,
                                numbers,
                                item.n(),
                                item.m(),
                                item.shards,
                                item.lines(),
                                item.by_rows,
                                item.factored()};
    sum += item.batch() * item.sums();
    if (update != nullptr && item.factored()) update += item.batch();
    if (numbers != nullptr) numbers += item.batch() * item.n() * kRowNumbers;
  }
  return wave;
}

// Starts a kernel with blocks_of(item) blocks for each item.
template <class T, class Blocks, class... P, class... A>
void start(Exec& exec, const char* name, ShardWave<T> wave, std::span<const AdafactorShard> items,
           const Blocks& blocks_of, void (*kernel)(P...), A... arguments) {
  for (int i = 0; i < wave.count; ++i) {
    const AdafactorShard& item = items[static_cast<size_t>(i)];
    wave.blocks.add(i, item.value.numel() == 0 ? 0 : item.batch() * blocks_of(item));
  }
  launch(cuda(exec).compute, name,
         {.grid = wave.blocks.total,
          .block = kShardThreads,
          .shared_bytes = kShardThreads * sizeof(double)},
         kernel, wave, arguments...);
}

int64_t row_blocks(const AdafactorShard& item) {
  return ceil_div(item.n(), int64_t{kShardWarps});
}
int64_t factored_row_blocks(const AdafactorShard& item) {
  return item.factored() ? row_blocks(item) : 0;
}
int64_t column_blocks(const AdafactorShard& item) {
  return item.factored() ? ceil_div(item.m(), int64_t{kWarp}) : 0;
}
int64_t one_block(const AdafactorShard&) {
  return 1;
}
int64_t one_factored_block(const AdafactorShard& item) {
  return item.factored() ? 1 : 0;
}

}  // namespace

template <class T>
struct AdafactorShardImpl<Backend::cuda, T> {
  static int64_t row_numbers(const AdafactorShard& item) {
    return item.batch() * item.n() * kRowNumbers;
  }
  static int64_t column_sums(const AdafactorShard&) { return 0; }

  static void sums(Exec& exec, std::span<const AdafactorShard> items, const AdafactorStep& step,
                   Tensor sums, Tensor rows, Tensor) {
    const ShardWave<T> wave = wave_of<T>(items, step, sums, {}, rows);
    start(exec, "adafactor_shard_rows", wave, items, row_blocks, shard_rows_kernel<T>);
    start(exec, "adafactor_shard_columns", wave, items, column_blocks, shard_columns_kernel<T>);
    start(exec, "adafactor_shard_fold", wave, items, one_block, shard_fold_kernel<T>, false);
  }

  static void updates(Exec& exec, std::span<const AdafactorShard> items, const AdafactorStep& step,
                      Tensor sums, Tensor updates, Tensor rows, Tensor) {
    const ShardWave<T> wave = wave_of<T>(items, step, sums, updates, rows);
    start(exec, "adafactor_shard_moments", wave, items, one_factored_block,
          shard_moments_kernel<T>);
    start(exec, "adafactor_shard_update", wave, items, factored_row_blocks, shard_update_kernel<T>);
    start(exec, "adafactor_shard_fold", wave, items, one_factored_block, shard_fold_kernel<T>,
          true);
  }

  static void write(Exec& exec, std::span<const AdafactorShard> items, const AdafactorStep& step,
                    Tensor sums, Tensor updates) {
    const ShardWave<T> wave = wave_of<T>(items, step, sums, updates, {});
    start(exec, "adafactor_shard_write", wave, items, row_blocks, shard_write_kernel<T>);
  }
};

template struct AdafactorShardImpl<Backend::cuda, float>;
template struct AdafactorShardImpl<Backend::cuda, double>;

}  // namespace sy
