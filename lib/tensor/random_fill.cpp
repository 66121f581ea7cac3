// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/random_fill.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "lib/base/random.h"
#include "lib/tensor/bfloat16.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

constexpr int64_t kDistinct = 65521;

// Within the exec's memory.
void copy_bytes(Exec& exec, void* to, const void* from, int64_t bytes) {
  if (exec.backend == Backend::cuda) return copy_in_cuda(exec, to, from, bytes);
  std::memcpy(to, from, static_cast<size_t>(bytes));
}

template <class T>
void fill(Exec& exec, Tensor tensor) {
  const Tensor flat = tensor.view({tensor.numel()});
  const RandomKey key{1, 0, site::kSynthetic};
  std::vector<T> numbers(static_cast<size_t>(std::min(kDistinct, flat.numel())));
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<T>(0.1f * random_uniform(key, i) - 0.05f);
  }
  auto filled = static_cast<int64_t>(numbers.size());
  upload(exec, flat.slice(0, filled), Tensor(numbers.data(), tensor.dtype(), {filled}));
  while (filled < flat.numel()) {
    const int64_t more = std::min(filled, flat.numel() - filled);
    copy_bytes(exec, flat.slice(filled, more).raw(), flat.raw(), flat.slice(0, more).bytes());
    filled += more;
  }
}

}  // namespace

void fill_random(Exec& exec, Tensor tensor) {
  switch (tensor.dtype()) {
    case DType::f32:
      return fill<float>(exec, tensor);
    case DType::f64:
      return fill<double>(exec, tensor);
    case DType::bf16:
      return fill<BFloat16>(exec, tensor);
    case DType::i32:
      break;
  }
  SY_CHECK(false, "fill_random: {}", name_of(tensor.dtype()));
}

}  // namespace sy
