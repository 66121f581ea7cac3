// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor_joint.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 128;

struct JointWave {
  AdafactorJoint items[kAdafactorJoints];
  int64_t offsets[kAdafactorJoints];  // of each item in what is gathered
};
static_assert(sizeof(JointWave) <= 4000);

JointWave wave_of(std::span<const AdafactorJoint> items) {
  JointWave wave;
  int64_t offset = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    wave.items[i] = items[i];
    wave.offsets[i] = offset;
    offset += items[i].all;
  }
  return wave;
}

// A block for each item. A number of 8 bytes for each matrix is moved.
template <class T>
__global__ void adafactor_joint_gather_kernel(JointWave wave, const T* numbers, T* gathered) {
  const AdafactorJoint& item = wave.items[blockIdx.x];
  T* to = gathered + wave.offsets[blockIdx.x];
  for (int64_t e = static_cast<int64_t>(threadIdx.x); e < item.all; e += kThreads) {
    const int64_t i = e - item.first;
    to[e] = i >= 0 && i < item.count ? numbers[item.start + i * item.stride] : T(0);
  }
}

// A block for each item. Every thread adds all numbers, in their order, and writes its own.
template <class T>
__global__ void adafactor_joint_mean_kernel(JointWave wave, const T* gathered, T* numbers) {
  const AdafactorJoint& item = wave.items[blockIdx.x];
  const T* from = gathered + wave.offsets[blockIdx.x];
  T total = 0;
  for (int64_t e = 0; e < item.all; ++e) total += from[e];
  const T mean = total / static_cast<T>(item.all);
  for (int64_t i = static_cast<int64_t>(threadIdx.x); i < item.count; i += kThreads) {
    numbers[item.start + i * item.stride] = mean;
  }
}

}  // namespace

template <class T>
struct AdafactorJointImpl<Backend::cuda, T> {
  static void gather(Exec& exec, std::span<const AdafactorJoint> wave, Tensor numbers,
                     Tensor gathered) {
    launch(cuda(exec).compute, "adafactor_joint_gather",
           {.grid = narrow<unsigned>(wave.size()), .block = kThreads},
           adafactor_joint_gather_kernel<T>, wave_of(wave), numbers.data<T>(), gathered.data<T>());
  }

  static void mean(Exec& exec, std::span<const AdafactorJoint> wave, Tensor gathered,
                   Tensor numbers) {
    launch(cuda(exec).compute, "adafactor_joint_mean",
           {.grid = narrow<unsigned>(wave.size()), .block = kThreads},
           adafactor_joint_mean_kernel<T>, wave_of(wave), gathered.data<T>(), numbers.data<T>());
  }
};

template struct AdafactorJointImpl<Backend::cuda, float>;
template struct AdafactorJointImpl<Backend::cuda, double>;

}  // namespace sy
