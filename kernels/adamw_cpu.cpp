#include <cmath>

#include "kernels/adamw.h"
#include "kernels/clip_factor.h"

namespace sy {

//   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
//   w -= lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay w)
template <class T>
struct AdamWImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
                  const AdamWStep& step) {
    const double factor = clip_factor(clip_data(step.clip));
    if (factor == 0) return;
    const double t = static_cast<double>(step.step);
    const T b1 = static_cast<T>(step.beta1), b2 = static_cast<T>(step.beta2);
    const T rest1 = static_cast<T>(1.0 - step.beta1), rest2 = static_cast<T>(1.0 - step.beta2);
    const T rate = static_cast<T>(step.learning_rate / (1.0 - std::pow(step.beta1, t)));
    const T correct = static_cast<T>(1.0 / (1.0 - std::pow(step.beta2, t)));
    const T epsilon = static_cast<T>(step.epsilon), scale = static_cast<T>(factor);
    const T shrink = static_cast<T>(1.0 - step.learning_rate * step.weight_decay);
    T *w = value.data<T>(), *m = first.data<T>(), *v = second.data<T>();
    const T* g = grad.data<T>();
    const int64_t count = value.numel();
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < count; ++i) {
      const T gradient = g[i] * scale;
      m[i] = b1 * m[i] + rest1 * gradient;
      v[i] = b2 * v[i] + rest2 * gradient * gradient;
      w[i] = w[i] * shrink - rate * m[i] / (std::sqrt(v[i] * correct) + epsilon);
    }
  }
};

template struct AdamWImpl<Backend::cpu, float>;
template struct AdamWImpl<Backend::cpu, double>;

}  // namespace sy
