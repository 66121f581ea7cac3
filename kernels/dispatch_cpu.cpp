#include <algorithm>
#include <cstring>

#include "kernels/dispatch.h"

namespace sy {

template <>
void AssignImpl<Backend::cpu>::fixed(Exec& exec, Tensor slot, Tensor token, Tensor counts,
                                     Tensor expert, int64_t groups, int64_t capacity) {
  const int64_t experts = counts.numel() - 1, size = expert.numel() / groups;
  int32_t *slots = slot.data<int32_t>(), *tokens = token.data<int32_t>();
  int32_t* count = counts.data<int32_t>();
  const int32_t* chosen = expert.data<int32_t>();
  std::fill_n(count, experts + 1, 0);
  // One pass an expert and group: a group's tokens in order, each taking the expert's next place.
  // Threads own experts, so nobody counts for another.
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t e = 0; e < experts; ++e) {
    for (int64_t g = 0; g < groups; ++g) {
      int32_t* places = tokens + (e * groups + g) * capacity;
      int64_t taken = 0;
      for (int64_t t = g * size; t < (g + 1) * size; ++t) {
        if (chosen[t] != e) continue;
        const bool kept = taken < capacity;
        slots[t] = kept ? static_cast<int32_t>((e * groups + g) * capacity + taken) : -1;
        if (kept) places[taken] = static_cast<int32_t>(t);
        ++taken;
      }
      for (int64_t place = taken; place < capacity; ++place) places[place] = -1;
      count[e] += static_cast<int32_t>(taken);
    }
  }
  int32_t dropped = 0;
  for (int64_t t = 0; t < expert.numel(); ++t) {
    if (chosen[t] < 0) slots[t] = -1;
    dropped += chosen[t] >= 0 && slots[t] < 0;
  }
  count[experts] = dropped;
}

template <>
void AssignImpl<Backend::cpu>::dropless(Exec&, Tensor slot, Tensor token, Tensor counts,
                                        Tensor expert) {
  const int64_t experts = counts.numel() - 1, size = expert.numel();
  int32_t *slots = slot.data<int32_t>(), *tokens = token.data<int32_t>();
  int32_t* count = counts.data<int32_t>();
  const int32_t* chosen = expert.data<int32_t>();
  std::fill_n(count, experts + 1, 0);
  std::fill_n(tokens, size, -1);
  int32_t next = 0;
  for (int64_t e = 0; e < experts; ++e) {
    const int32_t begin = next;
    for (int64_t t = 0; t < size; ++t) {
      if (chosen[t] != e) continue;
      slots[t] = next;
      tokens[next++] = static_cast<int32_t>(t);
    }
    count[e] = next - begin;
  }
  for (int64_t t = 0; t < size; ++t) {
    if (chosen[t] < 0) slots[t] = -1;
  }
}

template <class T>
struct DispatchImpl<Backend::cpu, T> {
  static void gather(Exec& exec, Tensor out, Tensor x, Tensor index) {
    const int64_t rows = index.numel(), d = x.cols();
    const size_t bytes = static_cast<size_t>(d) * sizeof(T);
    const int32_t* from = index.data<int32_t>();
    T* po = out.data<T>();
    const T* px = x.data<T>();
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
    const int64_t rows = slot.numel(), d = out.cols();
    const int32_t* from = slot.data<int32_t>();
    const T *ps = slots.data<T>(), *pg = gate.data<T>();
    T* po = out.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < rows; ++t) {
      T* to = po + t * d;
      if (from[t] < 0) {
        std::fill_n(to, d, T(0));
        continue;
      }
      const T* row = ps + from[t] * d;
      const T g = pg[t];
#pragma omp simd
      for (int64_t c = 0; c < d; ++c) to[c] = g * row[c];
    }
  }

  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate) {
    const int64_t d = d_out.cols(), tokens = slot.numel(), places = token.numel();
    const int32_t *place = slot.data<int32_t>(), *owner = token.data<int32_t>();
    const T *po = d_out.data<T>(), *ps = slots.data<T>(), *pg = gate.data<T>();
    T *ds = d_slots.data<T>(), *dg = d_gate.data<T>();
    // d_slots may be slots: the dots read them before the second loop writes.
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      T dot = 0;
      if (place[t] >= 0) {
        const T *a = po + t * d, *b = ps + place[t] * d;
#pragma omp simd reduction(+ : dot)
        for (int64_t c = 0; c < d; ++c) dot += a[c] * b[c];
      }
      dg[t] = dot;
    }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t s = 0; s < places; ++s) {
      T* to = ds + s * d;
      if (owner[s] < 0) {
        std::fill_n(to, d, T(0));
        continue;
      }
      const T* row = po + owner[s] * d;
      const T g = pg[owner[s]];
#pragma omp simd
      for (int64_t c = 0; c < d; ++c) to[c] = g * row[c];
    }
  }
};

template struct DispatchImpl<Backend::cpu, float>;
template struct DispatchImpl<Backend::cpu, double>;

}  // namespace sy
