// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/adafactor/adafactor_shard.h"
#include "kernels/adafactor/step_size.h"
#include "kernels/grad_clip/grad_clip.h"

namespace sy {
namespace {

constexpr int64_t kNumbers = 2;  // float64 sums per block of rows

// One matrix's shard, handled in blocks of kAdafactorRows rows as in adafactor_cpu.cpp.
template <class T>
struct Shard {
  T *value, *row, *col, *second;
  BFloat16* rounded;  // or null
  const T* grad;
  double *sums, *update;
  double* numbers;  // scratch [blocks, kNumbers]
  T* columns;       // scratch [blocks, m]; later its first row holds 1 / sqrt(col)
  int64_t n, m;
  const AdafactorShard& item;
  const AdafactorStep& step;
  double clip;

  int64_t begin_row(int64_t block) const { return block * kAdafactorRows; }
  int64_t end_row(int64_t block) const { return std::min(n, (block + 1) * kAdafactorRows); }
  int64_t blocks() const { return ceil_div(n, kAdafactorRows); }
  double& value_squares() const { return sums[item.lines()]; }
  double& rows_total() const { return sums[item.lines() + 1]; }  // if factored
  double& update_squares() const { return item.factored() ? *update : sums[1]; }

  T next_moment(T moment, double squares, int64_t count) const {
    return static_cast<T>(step.decay * static_cast<double>(moment) +
                          (1.0 - step.decay) * squares / static_cast<double>(count));
  }

  void sum_block(int64_t block) const {
    double* total = numbers + block * kNumbers;
    total[0] = total[1] = 0;
    for (int64_t i = begin_row(block); i < end_row(block); ++i) {
      item.factored() ? sum_row(i, block, total) : step_second(i, total);
    }
  }

  void sum_row(int64_t i, int64_t block, double* total) const {
    T* column = columns + block * m;
    if (i == begin_row(block)) std::fill_n(column, m, T(0));
    const T *g = grad + i * m, *w = value + i * m;
    const T scale = static_cast<T>(clip), epsilon = static_cast<T>(step.epsilon);
    T along = 0, squares = 0;
#pragma omp simd reduction(+ : along, squares)
    for (int64_t j = 0; j < m; ++j) {
      const T gradient = g[j] * scale, square = gradient * gradient + epsilon;
      along += square;
      column[j] += square;
      squares += w[j] * w[j];
    }
    total[0] += static_cast<double>(squares);
    if (!item.by_rows) {
      sums[i] = static_cast<double>(along);
      return;
    }
    row[i] = next_moment(row[i], static_cast<double>(along), item.whole_m());
    total[1] += static_cast<double>(row[i]);
  }

  // A row of the unfactored form.
  void step_second(int64_t i, double* total) const {
    const T scale = static_cast<T>(clip), epsilon = static_cast<T>(step.epsilon);
    const T decay = static_cast<T>(step.decay), rest = static_cast<T>(1.0 - step.decay);
    const T *g = grad + i * m, *w = value + i * m;
    T* s = second + i * m;
    double value_sum = 0, update_sum = 0;
#pragma omp simd reduction(+ : value_sum, update_sum)
    for (int64_t j = 0; j < m; ++j) {
      const T gradient = g[j] * scale;
      s[j] = decay * s[j] + rest * (gradient * gradient + epsilon);
      const T change = gradient / std::sqrt(s[j]);
      update_sum += static_cast<double>(change * change);
      value_sum += static_cast<double>(w[j] * w[j]);
    }
    total[0] += value_sum;
    total[1] += update_sum;
  }

  // After all blocks: this shard's sums, and the moments of sharded columns.
  void finish_sums() const {
    for (int64_t block = 0; block < blocks(); ++block) {
      value_squares() += numbers[block * kNumbers];
      sums[item.lines() + 1] += numbers[block * kNumbers + 1];
    }
    if (!item.factored()) return;
    for (int64_t j = 0; j < m; ++j) {
      double total = 0;
      for (int64_t block = 0; block < blocks(); ++block) {
        total += static_cast<double>(columns[block * m + j]);
      }
      if (item.by_rows) {
        sums[j] = total;
      } else {
        col[j] = next_moment(col[j], total, item.whole_n());
      }
    }
  }

  // The moments of the side that is whole here.
  void finish_moments() const {
    if (item.by_rows) {
      for (int64_t j = 0; j < m; ++j) col[j] = next_moment(col[j], sums[j], item.whole_n());
    } else {
      rows_total() = 0;
      for (int64_t i = 0; i < n; ++i) {
        row[i] = next_moment(row[i], sums[i], item.whole_m());
        rows_total() += static_cast<double>(row[i]);
      }
    }
    for (int64_t j = 0; j < m; ++j) {
      columns[j] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(col[j])));
    }
  }

  double row_root(int64_t i) const {
    const double mean = rows_total() / static_cast<double>(item.whole_n());
    return clip / std::sqrt(static_cast<double>(row[i]) / mean);
  }

  void measure_update(int64_t block) const {
    double total = 0;
    for (int64_t i = begin_row(block); i < end_row(block); ++i) {
      const T *g = grad + i * m, *by = columns;
      T squares = 0;
#pragma omp simd reduction(+ : squares)
      for (int64_t j = 0; j < m; ++j) squares += (g[j] * by[j]) * (g[j] * by[j]);
      total += static_cast<double>(squares) * row_root(i) * row_root(i);
    }
    numbers[block * kNumbers] = total;
  }

  void finish_update() const {
    for (int64_t block = 0; block < blocks(); ++block) *update += numbers[block * kNumbers];
  }

  void write_row(int64_t i) const {
    const double count = static_cast<double>(item.whole_n()) * static_cast<double>(item.whole_m());
    const double rate = adafactor_rate(step, value_squares(), update_squares(), count);
    const T shrink = static_cast<T>(1.0 - step.learning_rate * step.weight_decay);
    const T* g = grad + i * m;
    T* w = value + i * m;
    if (item.factored()) {
      const T scale = static_cast<T>(rate * row_root(i));
#pragma omp simd
      for (int64_t j = 0; j < m; ++j) {
        w[j] = w[j] * shrink - scale * (g[j] * (T(1) / std::sqrt(col[j])));
      }
    } else {
      const T scale = static_cast<T>(clip), size = static_cast<T>(rate);
      const T* s = second + i * m;
#pragma omp simd
      for (int64_t j = 0; j < m; ++j) {
        w[j] = w[j] * shrink - size * (g[j] * scale / std::sqrt(s[j]));
      }
    }
    if (rounded == nullptr) return;
#pragma omp simd
    for (int64_t j = 0; j < m; ++j) rounded[i * m + j] = BFloat16(static_cast<float>(w[j]));
  }
};

template <class T>
T* at(Tensor tensor, int64_t element) {
  return tensor.raw() == nullptr ? nullptr : tensor.data<T>() + element;
}

// Calls body(shard_of) for each item that has elements, where shard_of(e) is its matrix e.
template <class T, class Body>
void for_each_item(std::span<const AdafactorShard> wave, const AdafactorStep& step, Tensor sums,
                   Tensor updates, Tensor rows, Tensor columns, const Body& body) {
  const double clip = clip_factor(clip_data(step.clip));
  if (clip == 0) return;
  int64_t sum = 0, update = 0;
  for (const AdafactorShard& item : wave) {
    const int64_t n = item.n(), m = item.m(), blocks = ceil_div(n, kAdafactorRows);
    const auto shard_of = [&](int64_t e) {
      return Shard<T>{at<T>(item.value, e * n * m),
                      at<T>(item.row, e * n),
                      at<T>(item.col, e * m),
                      at<T>(item.second, e * n * m),
                      at<BFloat16>(item.rounded, e * n * m),
                      item.grad.data<T>() + e * n * m,
                      sums.data<double>() + sum + e * item.sums(),
                      at<double>(updates, update + e),
                      at<double>(rows, e * blocks * kNumbers),
                      at<T>(columns, e * blocks * m),
                      n,
                      m,
                      item,
                      step,
                      clip};
    };
    if (item.value.numel() > 0) body(item, shard_of);
    sum += item.batch() * item.sums();
    update += item.factored() ? item.batch() : 0;
  }
}

}  // namespace

template <class T>
struct AdafactorShardImpl<Backend::cpu, T> {
  static int64_t row_numbers(const AdafactorShard& item) {
    return item.batch() * ceil_div(item.n(), kAdafactorRows) * kNumbers;
  }
  static int64_t column_sums(const AdafactorShard& item) {
    return item.factored() ? item.batch() * ceil_div(item.n(), kAdafactorRows) * item.m() : 0;
  }

  static void sums(Exec& exec, std::span<const AdafactorShard> wave, const AdafactorStep& step,
                   Tensor sums, Tensor rows, Tensor columns) {
    for_each_item<T>(wave, step, sums, {}, rows, columns, [&](const auto& item, const auto& of) {
      const int64_t blocks = of(0).blocks();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
      for (int64_t i = 0; i < item.batch() * blocks; ++i) of(i / blocks).sum_block(i % blocks);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
      for (int64_t e = 0; e < item.batch(); ++e) of(e).finish_sums();
    });
  }

  static void updates(Exec& exec, std::span<const AdafactorShard> wave, const AdafactorStep& step,
                      Tensor sums, Tensor updates, Tensor rows, Tensor columns) {
    for_each_item<T>(wave, step, sums, updates, rows, columns,
                     [&](const auto& item, const auto& of) {
                       if (!item.factored()) return;
                       const int64_t blocks = of(0).blocks();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
                       for (int64_t e = 0; e < item.batch(); ++e) of(e).finish_moments();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
                       for (int64_t i = 0; i < item.batch() * blocks; ++i) {
                         of(i / blocks).measure_update(i % blocks);
                       }
                       for (int64_t e = 0; e < item.batch(); ++e) of(e).finish_update();
                     });
  }

  static void write(Exec& exec, std::span<const AdafactorShard> wave, const AdafactorStep& step,
                    Tensor sums, Tensor updates) {
    for_each_item<T>(wave, step, sums, updates, {}, {}, [&](const auto& item, const auto& of) {
      const int64_t n = item.n();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
      for (int64_t i = 0; i < item.batch() * n; ++i) of(i / n).write_row(i % n);
    });
  }
};

template struct AdafactorShardImpl<Backend::cpu, float>;
template struct AdafactorShardImpl<Backend::cpu, double>;

}  // namespace sy
