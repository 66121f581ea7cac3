// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_jitter.h"

#include "kernels/dispatch_dtype.h"
#include "kernels/elementwise/elementwise.h"

namespace sy {
namespace {

// Calls function.operator()<B, Out, In>() for the dtypes of out and x.
template <class Function>
void dispatch_pair(const Exec& exec, DType out, DType x, Function&& function) {
  const auto is = [&](DType a, DType b) { return out == a && x == b; };
  dispatch_backend(exec, "router_jitter", [&]<Backend B>() {
    if (is(DType::f32, DType::f32)) return function.template operator()<B, float, float>();
    if (is(DType::f64, DType::f64)) return function.template operator()<B, double, double>();
    if (is(DType::f32, DType::bf16)) return function.template operator()<B, float, BFloat16>();
    if (is(DType::bf16, DType::f32)) return function.template operator()<B, BFloat16, float>();
    SY_CHECK(false, "router_jitter: {} of {}", name_of(out), name_of(x));
  });
}

}  // namespace

void router_jitter(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                   int64_t first_row) {
  SY_CHECK(out.shape() == x.shape(), "router_jitter: out {}, x {}", out.shape().str(),
           x.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  if (epsilon == 0) {
    if (out.raw() != x.raw()) cast(exec, out, x);
    return;
  }
  dispatch_pair(exec, out.dtype(), x.dtype(), [&]<Backend B, class Out, class In>() {
    RouterJitterImpl<B, Out, In>::run(exec, out, x, epsilon, key, first_row);
  });
}

}  // namespace sy
