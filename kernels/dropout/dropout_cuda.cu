// SPDX-License-Identifier: Apache-2.0
#include "kernels/dropout/dropped_map_cuda.h"

namespace sy {
namespace {

struct Drop {
  template <class C>
  __device__ void operator()(C (&out)[1], const C (&in)[1], C factor) const {
    out[0] = in[0] * factor;
  }
};

// in: x, residual.
struct DropAndAdd {
  template <class C>
  __device__ void operator()(C (&out)[1], const C (&in)[2], C factor) const {
    out[0] = in[1] + in[0] * factor;
  }
};

}  // namespace

template <class T>
struct DropoutImpl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor out, Tensor residual, Tensor x, const Dropout& dropout) {
    if (residual.empty()) {
      dropped_map(exec, "dropout", Operands<T, 1, 1>{{x.data<T>()}, {out.data<T>()}}, x, dropout,
                  Drop{});
    } else {
      dropped_map(exec, "residual_dropout",
                  Operands<T, 2, 1>{{x.data<T>(), residual.data<T>()}, {out.data<T>()}}, x, dropout,
                  DropAndAdd{});
    }
  }
};

template struct DropoutImpl<Backend::cuda, float>;
template struct DropoutImpl<Backend::cuda, double>;
template struct DropoutImpl<Backend::cuda, BFloat16>;

}  // namespace sy
