// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor_joint.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

using Joints = std::span<const AdafactorJoint>;

void check(Joints items, Tensor numbers, Tensor gathered) {
  SY_CHECK(gathered.numel() == adafactor_joint_count(items) && gathered.dtype() == DType::f64 &&
               numbers.dtype() == DType::f64,
           "adafactor_joint: gathered {}", gathered.shape().str());
  for (const AdafactorJoint& item : items) {
    const int64_t end = item.count == 0 ? 0 : item.start + (item.count - 1) * item.stride + 1;
    SY_CHECK(end <= numbers.numel() && item.first + item.count <= item.all,
             "adafactor_joint: {} numbers from {} by {} of {}, matrices from {} of {}", item.count,
             item.start, item.stride, numbers.numel(), item.first, item.all);
  }
}

// Calls body(wave, its part of `gathered`) for consecutive waves.
template <class Body>
void for_each_wave(Joints items, Tensor gathered, const Body& body) {
  int64_t first = 0;
  while (!items.empty()) {
    const Joints wave = items.first(std::min(items.size(), kAdafactorJoints));
    items = items.subspan(wave.size());
    const int64_t count = adafactor_joint_count(wave);
    body(wave, gathered.slice(first, count));
    first += count;
  }
}

}  // namespace

int64_t adafactor_joint_count(Joints items) {
  int64_t count = 0;
  for (const AdafactorJoint& item : items) count += item.all;
  return count;
}

void adafactor_joint_gather(Exec& exec, Joints items, Tensor numbers, Tensor gathered) {
  check(items, numbers, gathered);
  if (exec.planning) return;
  dispatch(exec, DType::f64, "adafactor_joint", [&]<Backend B, class T>() {
    for_each_wave(items, gathered, [&](Joints wave, Tensor of_wave) {
      AdafactorJointImpl<B, T>::gather(exec, wave, numbers, of_wave);
    });
  });
}

void adafactor_joint_mean(Exec& exec, Joints items, Tensor gathered, Tensor numbers) {
  check(items, numbers, gathered);
  if (exec.planning) return;
  dispatch(exec, DType::f64, "adafactor_joint", [&]<Backend B, class T>() {
    for_each_wave(items, gathered, [&](Joints wave, Tensor of_wave) {
      AdafactorJointImpl<B, T>::mean(exec, wave, of_wave, numbers);
    });
  });
}

}  // namespace sy
