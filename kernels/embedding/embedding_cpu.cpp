// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/embedding/embedding.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {
constexpr int64_t kColumns = 64;  // columns that a thread owns at a time in backward
}

template <class T>
struct EmbeddingImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void forward(Exec& exec, Tensor out, Tensor table, Tensor ids,
                      const VocabularyShard& shard) {
    const int64_t rows = ids.numel(), d = table.cols(), held = table.dim(0);
    const size_t bytes = static_cast<size_t>(d) * sizeof(T);
    const int32_t* id = ids.data<int32_t>();
    const T* source = table.data<T>();
    T* target = out.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = id[r] - shard.first;
      if (row >= 0 && row < held) {
        std::memcpy(target + r * d, source + row * d, bytes);
      } else {
        std::memset(static_cast<void*>(target + r * d), 0, bytes);
      }
    }
  }

  static void backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids,
                       const VocabularyShard& shard, Tensor, Tensor) {
    const int64_t rows = ids.numel(), d = d_table.cols(), strips = ceil_div(d, kColumns);
    const int64_t held = d_table.dim(0);
    const int32_t* id = ids.data<int32_t>();
    const T* source = d_out.data<T>();
    C* target = d_table.data<C>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t strip = 0; strip < strips; ++strip) {
      const int64_t begin = strip * kColumns, count = std::min(kColumns, d - begin);
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t row = id[r] - shard.first;
        if (row < 0 || row >= held) continue;
        C* to = target + row * d + begin;
        const T* from = source + r * d + begin;
#pragma omp simd
        for (int64_t c = 0; c < count; ++c) to[c] += C(from[c]);
      }
    }
  }
};

template struct EmbeddingImpl<Backend::cpu, float>;
template struct EmbeddingImpl<Backend::cpu, double>;
template struct EmbeddingImpl<Backend::cpu, BFloat16>;

}  // namespace sy
