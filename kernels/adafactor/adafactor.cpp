// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

// Whether `rounded` can take a copy of the values, or is absent.
bool is_copy(Tensor rounded, Tensor value) {
  return rounded.empty() || (rounded.dtype() == DType::bf16 && rounded.shape() == value.shape());
}

void check(const AdafactorMatrix& item, DType dtype) {
  const auto& [value, row, col, grad, rounded] = item;
  SY_CHECK(value.rank() == 3 && is_copy(rounded, value) && grad.shape() == value.shape() &&
               row.shape() == Shape({value.dim(0), value.dim(1)}) &&
               col.shape() == Shape({value.dim(0), value.dim(2)}) && value.dtype() == dtype,
           "adafactor: value {}, grad {}, row {}, col {} in a list of {}", value.shape().str(),
           grad.shape().str(), row.shape().str(), col.shape().str(), name_of(dtype));
}

void check(const AdafactorVector& item, DType dtype) {
  const auto& [value, second, grad, rounded] = item;
  SY_CHECK(value.rank() == 2 && is_copy(rounded, value) && grad.shape() == value.shape() &&
               second.shape() == value.shape() && value.dtype() == dtype,
           "adafactor: value {}, grad {}, second {} in a list of {}", value.shape().str(),
           grad.shape().str(), second.shape().str(), name_of(dtype));
}

// Calls body for consecutive waves: the items that one set of CUDA launches steps together.
template <class Item, class Body>
void for_each_wave(std::span<const Item> items, const Body& body) {
  while (!items.empty()) {
    const size_t count = std::min(items.size(), kAdafactorItems);
    body(items.first(count));
    items = items.subspan(count);
  }
}

// On the CPU a wave is part of one item, with just enough of its matrices to keep every thread
// busy, so that a matrix stays in cache between its three passes.
template <class Body>
void for_each_part(const Exec& exec, const AdafactorMatrix& item, const Body& body) {
  const AdafactorTiling tiling(exec.backend, item);
  const int64_t max_count = ceil_div(exec.threads, std::max<int64_t>(tiling.blocks, 1));
  for (int64_t e = 0; e < tiling.batch; e += max_count) {
    const int64_t count = std::min(max_count, tiling.batch - e);
    const AdafactorMatrix part{item.value.slice(e, count), item.row.slice(e, count),
                               item.col.slice(e, count), item.grad.slice(e, count),
                               item.rounded.empty() ? Tensor() : item.rounded.slice(e, count)};
    body(std::span(&part, 1));
  }
}

template <class Body>
void for_each_wave(const Exec& exec, std::span<const AdafactorMatrix> items, const Body& body) {
  if (exec.backend == Backend::cuda) return for_each_wave(items, body);
  for (const AdafactorMatrix& item : items) for_each_part(exec, item, body);
}

}  // namespace

void adafactor_matrices(Exec& exec, std::span<const AdafactorMatrix> items,
                        const AdafactorStep& step) {
  if (items.empty()) return;
  const DType dtype = items[0].value.dtype();
  for (const AdafactorMatrix& item : items) check(item, dtype);
  int64_t max_sums = 0, max_totals = 0;
  for_each_wave(exec, items, [&](std::span<const AdafactorMatrix> wave) {
    int64_t sums = 0, totals = 0;
    for (const AdafactorMatrix& item : wave) {
      const AdafactorTiling tiling(exec.backend, item);
      sums += tiling.columns() + (exec.backend == Backend::cuda ? tiling.rows() : 0);
      totals += tiling.totals();
    }
    max_sums = std::max(max_sums, sums);
    max_totals = std::max(max_totals, totals);
  });
  ScratchScope scratch(exec);
  const Tensor sums = scratch.take(dtype, {max_sums}, "adafactor sums");
  const Tensor totals = scratch.take(DType::f64, {max_totals}, "adafactor totals");
  if (exec.planning) return;
  dispatch(exec, dtype, "adafactor", [&]<Backend B, class T>() {
    for_each_wave(exec, items, [&](std::span<const AdafactorMatrix> wave) {
      AdafactorImpl<B, T>::matrices(exec, wave, step, sums, totals);
    });
  });
}

void adafactor_vectors(Exec& exec, std::span<const AdafactorVector> items,
                       const AdafactorStep& step) {
  if (items.empty()) return;
  const DType dtype = items[0].value.dtype();
  for (const AdafactorVector& item : items) check(item, dtype);
  int64_t parts = 0;
  for_each_wave(items, [&](std::span<const AdafactorVector> wave) {
    int64_t now = 0;
    for (const auto& item : wave) now += item.value.dim(0) * adafactor_parts(item.value.dim(1));
    parts = std::max(parts, now);
  });
  ScratchScope scratch(exec);
  const Tensor totals = exec.backend == Backend::cuda
                            ? scratch.take(DType::f64, {2 * parts}, "adafactor totals")
                            : Tensor{};
  if (exec.planning) return;
  dispatch(exec, dtype, "adafactor", [&]<Backend B, class T>() {
    for_each_wave(items, [&](std::span<const AdafactorVector> wave) {
      AdafactorImpl<B, T>::vectors(exec, wave, step, totals);
    });
  });
}

}  // namespace sy
