// SPDX-License-Identifier: Apache-2.0
#include "lib/model/initial_values.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/philox_fill.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// Truncation point in standard deviations, and the cumulative distribution function at minus that.
constexpr double kCut = 2.0;
constexpr double kBelowCut = 0.022750131948179207;  // Phi(-2)

// Tail probability at which the approximation changes form.
constexpr double kTail = 0.02425;

double lower_tail_quantile(double p) {
  const double q = std::sqrt(-2 * std::log(p));
  const double above =
      ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e+00) * q -
        2.549732539343734e+00) *
           q +
       4.374664141464968e+00) *
          q +
      2.938163982698783e+00;
  const double below =
      (((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e+00) * q +
       3.754408661907416e+00) *
          q +
      1;
  return above / below;
}

double central_quantile(double p) {
  const double q = p - 0.5, r = q * q;
  const double above =
      ((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
        1.383577518672690e+02) *
           r -
       3.066479806614716e+01) *
          r +
      2.506628277459239e+00;
  const double below =
      ((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
        6.680131188771972e+01) *
           r -
       1.328068155288572e+01) *
          r +
      1;
  return q * above / below;
}

// Maps a word to the centre of its interval of length 2^-32 in (0, 1), and if truncated on to the
// probabilities between the cuts.
double probability(uint32_t word, bool cut) {
  const double uniform = (static_cast<double>(word) + 0.5) * (1.0 / 4294967296.0);
  return cut ? kBelowCut + uniform * (1 - 2 * kBelowCut) : uniform;
}

template <class T>
void uniform_values(const uint32_t* words, T* values, int64_t count, double std) {
  const double width = 2 * std::sqrt(3.0) * std;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<T>(width * (probability(words[i], false) - 0.5));
  }
}

// values[i] from words[i], the words of one Philox call. The central form is computed for all of
// them in vector lanes; the few in the tails (three in a thousand when truncated) are then
// recomputed.
template <class T>
void values_of_words(const uint32_t* words, T* values, int64_t count, const Init& init) {
  if (init.kind == Init::Kind::uniform) return uniform_values(words, values, count, init.std);
  const bool cut = init.kind == Init::Kind::truncated_normal;
  const double std = init.std;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<T>(std * central_quantile(probability(words[i], cut)));
  }
  for (int64_t i = 0; i < count; ++i) {
    const double p = probability(words[i], cut);
    if (p >= kTail && p <= 1 - kTail) continue;
    const double z = normal_quantile(p);
    values[i] = static_cast<T>(std * (cut ? std::clamp(z, -kCut, kCut) : z));
  }
}

// Elements [first, last) of a parameter, all from one Philox call: call c covers elements 128 c to
// 128 c + 127, of which only some may be wanted. values[0] is element `first`.
template <class T>
void fill_call(T* values, int64_t first, int64_t last, int64_t call, const Init& init,
               const RandomKey& key) {
  const int64_t from = call * kPhiloxWords;
  const int64_t begin = std::max(first, from), end = std::min(last, from + kPhiloxWords);
  alignas(64) uint32_t words[kPhiloxWords];
  philox_words(key, static_cast<uint64_t>(call * kPhiloxLanes), words);
  values_of_words(words + (begin - from), values + (begin - first), end - begin, init);
}

// Length of a run: elements of a slab that are contiguous in the whole tensor, too. The slab is a
// single run unless an axis other than the first is sharded.
int64_t run_length(const Shape& shape, const Slab& slab) {
  int64_t length = 1;
  for (int axis = slab.rank() - 1; axis >= 0; --axis) {
    length *= slab.extent[axis];
    if (slab.extent[axis] != shape[axis]) break;
  }
  return length;
}

template <class T>
void fill(T* values, const Init& init, const RandomKey& key, const Shape& shape, const Slab& slab) {
  if (init.kind == Init::Kind::ones) {
    std::fill(values, values + slab.numel(), T(1));
    return;
  }
  const int64_t length = run_length(shape, slab);
  const int64_t runs = length == 0 ? 0 : slab.numel() / length;
  // Parallel over the Philox calls of a single run, or over the runs if there are several.
#pragma omp parallel for schedule(static) if (runs > 1)
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t first = index_in_whole(slab, shape, run * length), last = first + length;
#pragma omp parallel for schedule(static) if (runs == 1)
    for (int64_t call = first / kPhiloxWords; call < ceil_div(last, int64_t{kPhiloxWords});
         ++call) {
      fill_call(values + run * length, first, last, call, init, key);
    }
  }
}

}  // namespace

double normal_quantile(double p) {
  if (p < kTail) return lower_tail_quantile(p);
  if (p > 1 - kTail) return -lower_tail_quantile(1 - p);
  return central_quantile(p);
}

void fill_initial_values(Tensor values, const Init& init, const RandomKey& key, const Shape& shape,
                         const Slab& slab) {
  SY_CHECK(values.shape() == slab.extent, "initial values {} of a slab {}", values.shape().str(),
           slab.str());
  if (values.dtype() == DType::f64) {
    fill(values.data<double>(), init, key, shape, slab);
  } else {
    fill(values.data<float>(), init, key, shape, slab);
  }
}

}  // namespace sy
