// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/dispatch/dispatch.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr int64_t kColumns = 256;  // columns of a row that are summed together

// An expert index out of range would count out of bounds.
void check_experts(Tensor expert, int64_t experts) {
  const int32_t* p = expert.data<int32_t>();
  const int64_t k = expert.cols();
  for (int64_t i = 0; i < expert.numel(); ++i) {
    SY_CHECK(p[i] >= -1 && p[i] < experts, "token {} chose expert {} of {}", i / k, p[i], experts);
  }
}

// Sums the counts over groups; the dropped count is what exceeds an expert's capacity in a group.
void sum_counts(int32_t* counts, const int32_t* routed, int64_t groups, int64_t experts,
                int64_t capacity) {
  std::fill_n(counts, experts + 1, 0);
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t e = 0; e < experts; ++e) {
      const int32_t here = routed[g * experts + e];
      counts[e] += here;
      counts[experts] += std::max(here - static_cast<int32_t>(capacity), 0);
    }
  }
}

// Calls body(i, t) for choice i of token t, for tokens [begin, end), in the order in which choices
// take slots.
template <class Body>
void for_each_choice(int64_t begin, int64_t end, int64_t k, Body&& body) {
  for (int64_t j = 0; j < k; ++j) {
    for (int64_t t = begin; t < end; ++t) body(t * k + j, t);
  }
}

}  // namespace

// Groups share no slots, so they run in parallel.
template <>
void AssignImpl<Backend::cpu>::fixed(Exec& exec, Tensor slot, Tensor token, Tensor counts,
                                     Tensor expert, int64_t groups, int64_t capacity, Tensor next) {
  const int64_t experts = counts.numel() - 1, size = expert.dim(0) / groups, k = expert.cols();
  int32_t *slots = slot.data<int32_t>(), *tokens = token.data<int32_t>();
  int32_t* routed = next.data<int32_t>();
  const int32_t* chosen = expert.data<int32_t>();
  check_experts(expert, experts);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t g = 0; g < groups; ++g) {
    int32_t* taken = routed + g * experts;
    std::fill_n(taken, experts, 0);
    for_each_choice(g * size, (g + 1) * size, k, [&](int64_t i, int64_t t) {
      slots[i] = -1;
      const int64_t e = chosen[i];
      if (e < 0) return;
      const int64_t place = taken[e]++;
      if (place >= capacity) return;
      const int64_t s = (e * groups + g) * capacity + place;
      slots[i] = static_cast<int32_t>(s);
      tokens[s] = static_cast<int32_t>(t);
    });
    for (int64_t e = 0; e < experts; ++e) {
      const int64_t used = std::min<int64_t>(taken[e], capacity);
      std::fill_n(tokens + (e * groups + g) * capacity + used, capacity - used, -1);
    }
  }
  sum_counts(counts.data<int32_t>(), routed, groups, experts, capacity);
}

// A counting sort.
template <>
void AssignImpl<Backend::cpu>::dropless(Exec&, Tensor slot, Tensor token, Tensor counts,
                                        Tensor expert, Tensor next) {
  const int64_t experts = counts.numel() - 1, size = expert.numel();
  int32_t *slots = slot.data<int32_t>(), *tokens = token.data<int32_t>();
  int32_t *count = counts.data<int32_t>(), *place = next.data<int32_t>();
  const int32_t* chosen = expert.data<int32_t>();
  check_experts(expert, experts);
  std::fill_n(count, experts + 1, 0);
  for (int64_t i = 0; i < size; ++i) {
    if (chosen[i] >= 0) ++count[chosen[i]];
  }
  int32_t routed = 0;
  for (int64_t e = 0; e < experts; ++e) {
    place[e] = routed;
    routed += count[e];
  }
  for_each_choice(0, expert.dim(0), expert.cols(), [&](int64_t i, int64_t t) {
    slots[i] = chosen[i] < 0 ? -1 : place[chosen[i]]++;
    if (slots[i] >= 0) tokens[slots[i]] = static_cast<int32_t>(t);
  });
  std::fill_n(tokens + routed, size - routed, -1);
}

template <>
void AssignImpl<Backend::cpu>::row_ids(Exec&, Tensor ids, Tensor token, int64_t first_row) {
  int32_t* out = ids.data<int32_t>();
  const int32_t* tokens = token.data<int32_t>();
  for (int64_t s = 0; s < token.numel(); ++s) {
    out[s] = tokens[s] < 0 ? -1 : narrow<int32_t>(first_row + tokens[s]);
  }
}

template <class T>
struct DispatchImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void gather(Exec& exec, Tensor out, Tensor x, Tensor index) {
    const int64_t rows = out.rows(), d = x.cols();
    const size_t bytes = static_cast<size_t>(d) * sizeof(T);
    const int32_t* from = index.data<int32_t>();
    T* po = out.data<T>();
    const T* px = x.data<T>();
    if (index.rank() == 2 && index.dim(1) > 1) return sum_rows(exec, out, x, index, nullptr);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      if (from[r] < 0) {
        std::memset(po + r * d, 0, bytes);
      } else {
        std::memcpy(po + r * d, px + from[r] * d, bytes);
      }
    }
  }

  static void combine(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate) {
    const int64_t rows = slot.dim(0), d = out.cols();
    const int32_t* from = slot.data<int32_t>();
    const T* ps = slots.data<T>();
    const C* pg = gate.data<C>();
    T* po = out.data<T>();
    if (slot.dim(1) > 1) return sum_rows(exec, out, slots, slot, pg);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < rows; ++t) {
      T* to = po + t * d;
      if (from[t] < 0) {
        std::fill_n(to, d, T(C(0)));
        continue;
      }
      const T* row = ps + from[t] * d;
      const C g = pg[t];
#pragma omp simd
      for (int64_t c = 0; c < d; ++c) put(to[c], g * C(row[c]));
    }
  }

  // out[r] = the sum over j of weight[r, j] * x[index[r, j]]; without weights, the plain sum of the
  // rows.
  static void sum_rows(Exec& exec, Tensor out, Tensor x, Tensor index, const C* weight) {
    const int64_t rows = index.dim(0), k = index.dim(1), d = out.cols();
    const int32_t* from = index.data<int32_t>();
    const T* px = x.data<T>();
    T* po = out.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t begin = 0; begin < d; begin += kColumns) {
        const int64_t columns = std::min(kColumns, d - begin);
        C sums[kColumns] = {};
        for (int64_t i = r * k; i < (r + 1) * k; ++i) {
          if (from[i] < 0) continue;
          const T* row = px + from[i] * d + begin;
          const C w = weight == nullptr ? C(1) : weight[i];
#pragma omp simd
          for (int64_t c = 0; c < columns; ++c) sums[c] += w * C(row[c]);
        }
#pragma omp simd
        for (int64_t c = 0; c < columns; ++c) put(po[r * d + begin + c], sums[c]);
      }
    }
  }

  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate) {
    const int64_t d = d_out.cols(), tokens = slot.dim(0), k = slot.dim(1);
    const int64_t places = token.numel();
    const int32_t *place = slot.data<int32_t>(), *owner = token.data<int32_t>();
    const T *po = d_out.data<T>(), *ps = slots.data<T>();
    const C* pg = gate.data<C>();
    T* ds = d_slots.data<T>();
    C* dg = d_gate.data<C>();
    // A slot has at most one token, so the thread that handles the token also writes the slot, and
    // one pass computes both gradients.
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t i = t * k; i < (t + 1) * k; ++i) {
        C dot = 0;
        if (place[i] >= 0) {
          const T *from = po + t * d, *row = ps + place[i] * d;
          const C g = pg[i];
          T* to = ds + place[i] * d;
#pragma omp simd reduction(+ : dot)
          for (int64_t c = 0; c < d; ++c) {
            const C grad = from[c];
            dot += grad * C(row[c]);
            put(to[c], g * grad);
          }
        }
        dg[i] = dot;
      }
    }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t s = 0; s < places; ++s) {
      if (owner[s] < 0) std::fill_n(ds + s * d, d, T(C(0)));
    }
  }
};

template struct DispatchImpl<Backend::cpu, float>;
template struct DispatchImpl<Backend::cpu, double>;
template struct DispatchImpl<Backend::cpu, BFloat16>;

}  // namespace sy
