// SPDX-License-Identifier: Apache-2.0
#include "kernels/activation/activation.h"
#include "kernels/dropout/dropped_map_cuda.h"

namespace sy {
namespace {

// e^x and 1 / x, as precise as a result stored as T can represent. For bfloat16 the hardware
// approximations suffice: their relative errors of about 1e-6 are far below its precision.
template <class T>
__device__ Compute<T> exponential(Compute<T> x) {
  return std::exp(x);
}
template <>
__device__ float exponential<BFloat16>(float x) {
  return __expf(x);
}
template <class T>
__device__ Compute<T> reciprocal(Compute<T> x) {
  return Compute<T>(1) / x;
}
template <>
__device__ float reciprocal<BFloat16>(float x) {
  return __fdividef(1.0f, x);
}

template <class C>
struct GeluParts {
  C value, slope;
};

// As in activation_cpu.cpp: x s with s = 1 / (1 + e^-2z), z = sqrt(2 / pi) (x + 0.044715 x^3); the
// derivative is s + x s (1 - s) 2 dz/dx.
template <class T, class C = Compute<T>>
__device__ GeluParts<C> gelu(C x) {
  constexpr C kTwice = C(2 * 0.79788456080286535588), kCubic = C(0.044715);
  const C minus_2z = -kTwice * (x + kCubic * x * x * x);
  const C e = exponential<T>(minus_2z > C(80) ? C(80) : minus_2z);  // NaN stays NaN
  const C s = reciprocal<T>(C(1) + e);
  return {x * s, s + x * s * (e * s) * kTwice * (C(1) + C(3) * kCubic * x * x)};
}

// Forward functors; in: hidden, linear.
template <class T, class C = Compute<T>>
struct Relu {
  __device__ void operator()(C (&out)[1], const C (&in)[1], C factor) const {
    out[0] = (in[0] < C(0) ? C(0) : in[0]) * factor;  // NaN stays NaN
  }
};

template <class T, class C = Compute<T>>
struct Gelu {
  __device__ void operator()(C (&out)[1], const C (&in)[1], C factor) const {
    out[0] = gelu<T>(in[0]).value * factor;
  }
};

template <class T, class C = Compute<T>>
struct Geglu {
  __device__ void operator()(C (&out)[1], const C (&in)[2], C factor) const {
    out[0] = gelu<T>(in[0]).value * in[1] * factor;
  }
};

// Backward functors; in: d_out, hidden, linear; out: d_hidden, d_linear.
template <class T, class C = Compute<T>>
struct ReluBackward {
  __device__ void operator()(C (&out)[1], const C (&in)[2], C factor) const {
    out[0] = in[1] > C(0) ? in[0] * factor : C(0);
  }
};

template <class T, class C = Compute<T>>
struct GeluBackward {
  __device__ void operator()(C (&out)[1], const C (&in)[2], C factor) const {
    out[0] = in[0] * factor * gelu<T>(in[1]).slope;
  }
};

template <class T, class C = Compute<T>>
struct GegluBackward {
  __device__ void operator()(C (&out)[2], const C (&in)[3], C factor) const {
    const GeluParts<C> g = gelu<T>(in[1]);
    const C through = in[0] * factor;
    out[0] = through * in[2] * g.slope;
    out[1] = through * g.value;
  }
};

}  // namespace

template <class T>
struct ActivationImpl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor out, Tensor hidden, Tensor linear, Activation kind,
                      const Dropout& dropout) {
    const T *h = hidden.data<T>(), *l = linear.data<T>();
    const Operands<T, 1, 1> one{{h}, {out.data<T>()}};
    const Operands<T, 2, 1> gated{{h, l}, {out.data<T>()}};
    switch (kind) {
      case Activation::relu:
        return dropped_map(exec, "relu", one, hidden, dropout, Relu<T>{});
      case Activation::gelu:
        return dropped_map(exec, "gelu", one, hidden, dropout, Gelu<T>{});
      case Activation::geglu:
        return dropped_map(exec, "geglu", gated, hidden, dropout, Geglu<T>{});
    }
  }

  static void backward(Exec& exec, Tensor d_hidden, Tensor d_linear, Tensor d_out, Tensor hidden,
                       Tensor linear, Activation kind, const Dropout& dropout) {
    const T *d = d_out.data<T>(), *h = hidden.data<T>(), *l = linear.data<T>();
    const Operands<T, 2, 1> one{{d, h}, {d_hidden.data<T>()}};
    const Operands<T, 3, 2> gated{{d, h, l}, {d_hidden.data<T>(), d_linear.data<T>()}};
    switch (kind) {
      case Activation::relu:
        return dropped_map(exec, "relu_backward", one, hidden, dropout, ReluBackward<T>{});
      case Activation::gelu:
        return dropped_map(exec, "gelu_backward", one, hidden, dropout, GeluBackward<T>{});
      case Activation::geglu:
        return dropped_map(exec, "geglu_backward", gated, hidden, dropout, GegluBackward<T>{});
    }
  }
};

template struct ActivationImpl<Backend::cuda, float>;
template struct ActivationImpl<Backend::cuda, double>;
template struct ActivationImpl<Backend::cuda, BFloat16>;

}  // namespace sy
