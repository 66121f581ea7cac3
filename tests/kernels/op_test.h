// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of single ops: tensors from lists, comparison, and checks of two guarantees
// that every op gives: the same bits for any number of threads, and scratch taken while planning
// that suffices when running.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/support/gradcheck.h"

namespace sy::test {

inline double at(Tensor x, int64_t i) {
  if (x.dtype() == DType::f64) return x.data<double>()[i];
  return static_cast<double>(x.dtype() == DType::bf16 ? float(x.data<BFloat16>()[i])
                                                      : x.data<float>()[i]);
}

inline void set(Tensor x, int64_t i, double value) {
  if (x.dtype() == DType::f64) {
    x.data<double>()[i] = value;
  } else if (x.dtype() == DType::bf16) {
    x.data<BFloat16>()[i] = BFloat16(static_cast<float>(value));
  } else {
    x.data<float>()[i] = static_cast<float>(value);
  }
}

inline Owned tensor_of(DType dtype, Shape shape, const std::vector<double>& values) {
  Owned owned(dtype, shape);
  SY_CHECK(static_cast<int64_t>(values.size()) == shape.numel(), "{} values for {}", values.size(),
           shape.str());
  for (size_t i = 0; i < values.size(); ++i) set(owned, static_cast<int64_t>(i), values[i]);
  return owned;
}

inline std::vector<double> values_of(Tensor x) {
  std::vector<double> values;
  for (int64_t i = 0; i < x.numel(); ++i) values.push_back(at(x, i));
  return values;
}

inline std::vector<int32_t> ints_of(Tensor x) {
  const int32_t* p = x.data<int32_t>();
  return {p, p + x.numel()};
}

// Largest |a - b|; NaN counts as infinitely far.
inline double largest_difference(Tensor a, Tensor b) {
  SY_CHECK(a.numel() == b.numel(), "{} and {}", a.shape().str(), b.shape().str());
  double largest = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double difference = std::abs(at(a, i) - at(b, i));
    largest = difference >= 0 ? std::max(largest, difference) : INFINITY;
  }
  return largest;
}

inline bool same_bits(Tensor a, Tensor b) {
  if (a.bytes() != b.bytes()) return false;
  // An empty tensor may have no address, which memcmp does not take.
  return a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

// Runs `run(exec, out)` with one, two, three and five threads into outputs that start as `out`'s
// contents; true if all give the same bits.
template <class Run>
bool same_for_any_threads(Owned out, Run&& run) {
  Owned first = out;
  run(*make_exec(1), first.tensor());
  for (const int threads : {2, 3, 5}) {
    Owned other = out;
    run(*make_exec(threads), other.tensor());
    if (!same_bits(first, other)) return false;
  }
  return true;
}

}  // namespace sy::test
