// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/grouped_gemm.h"

namespace sy {

template <>
bool GroupedGemmChoice<Backend::cpu>::by_group(Exec&, int64_t, int64_t) {
  return true;
}

template <class T>
struct GroupedGemmImpl<Backend::cpu, T> {
  static void run(Exec&, Tensor, Tensor, Tensor, const RowGroups&, const GemmOptions&, Tensor) {
    SY_CHECK(false, "grouped_gemm has no kernel on the CPU");
  }
};

template struct GroupedGemmImpl<Backend::cpu, float>;
template struct GroupedGemmImpl<Backend::cpu, double>;
template struct GroupedGemmImpl<Backend::cpu, BFloat16>;

}  // namespace sy
