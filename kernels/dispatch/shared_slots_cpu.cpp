// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch/shared_slots.h"
#include "lib/base/numeric.h"

namespace sy {

template <>
void ShareImpl<Backend::cpu>::run(Exec& exec, Tensor slot, Tensor token, Tensor place_token,
                                  int64_t places, int64_t capacity) {
  int32_t *slots = slot.data<int32_t>(), *tokens = token.data<int32_t>();
  const int32_t* placed = place_token.data<int32_t>();
  const int64_t m = token.dim(1);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t t = 0; t < slot.numel(); ++t) {
    if (slots[t] < 0) continue;
    const int64_t row = slots[t] / places, place = slots[t] % places;
    slots[t] = static_cast<int32_t>(row * capacity + rounded_place(place));
  }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t s = 0; s < token.dim(0); ++s) {
    for (int64_t j = 0; j < m; ++j) {
      const int64_t at = place_of_sharer(s / capacity, s % capacity, j, places);
      tokens[s * m + j] = at < 0 ? -1 : placed[at];
    }
  }
}

template <class T>
struct SharedSlotsImpl<Backend::cpu, T> {
  using C = Compute<T>;

  // Gates first, as d_slots may be slots.
  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate) {
    const int64_t d = d_out.cols(), m = token.dim(1);
    const int32_t *place = slot.data<int32_t>(), *owners = token.data<int32_t>();
    const T *po = d_out.data<T>(), *ps = slots.data<T>();
    const C* pg = gate.data<C>();
    T* ds = d_slots.data<T>();
    C* dg = d_gate.data<C>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < slot.numel(); ++t) {
      C dot = 0;
      for (int64_t c = 0; place[t] >= 0 && c < d; ++c) {
        dot += C(po[t * d + c]) * C(ps[place[t] * d + c]);
      }
      dg[t] = dot;
    }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t s = 0; s < token.dim(0); ++s) {
      for (int64_t c = 0; c < d; ++c) {
        C sum = 0;
        for (int64_t i = s * m; i < (s + 1) * m; ++i) {
          if (owners[i] >= 0) sum += pg[owners[i]] * C(po[owners[i] * d + c]);
        }
        put(ds[s * d + c], sum);
      }
    }
  }
};

template struct SharedSlotsImpl<Backend::cpu, float>;
template struct SharedSlotsImpl<Backend::cpu, double>;
template struct SharedSlotsImpl<Backend::cpu, BFloat16>;

}  // namespace sy
