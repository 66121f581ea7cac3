// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/adafactor/adafactor_joint.h"

namespace sy {

template <class T>
struct AdafactorJointImpl<Backend::cpu, T> {
  static void gather(Exec&, std::span<const AdafactorJoint> wave, Tensor numbers, Tensor gathered) {
    T* to = gathered.data<T>();
    for (const AdafactorJoint& item : wave) {
      std::fill_n(to, item.all, T(0));
      const T* from = numbers.data<T>() + item.start;
      for (int64_t i = 0; i < item.count; ++i) to[item.first + i] = from[i * item.stride];
      to += item.all;
    }
  }

  static void mean(Exec&, std::span<const AdafactorJoint> wave, Tensor gathered, Tensor numbers) {
    const T* from = gathered.data<T>();
    for (const AdafactorJoint& item : wave) {
      T total = 0;
      for (int64_t i = 0; i < item.all; ++i) total += from[i];
      T* to = numbers.data<T>() + item.start;
      for (int64_t i = 0; i < item.count; ++i)
        to[i * item.stride] = total / static_cast<T>(item.all);
      from += item.all;
    }
  }
};

template struct AdafactorJointImpl<Backend::cpu, float>;
template struct AdafactorJointImpl<Backend::cpu, double>;

}  // namespace sy
