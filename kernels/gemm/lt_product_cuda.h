// SPDX-License-Identifier: Apache-2.0
// One GEMM as cuBLASLt describes it. The library is column-major: a row-major [r, c] matrix is its
// transpose [c, r], so c = op(a) op(b) is computed as c^T = op(b)^T op(a)^T.
#pragma once

#include <algorithm>
#include <compare>
#include <vector>

#include "kernels/gemm/gemm_shape.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cublaslt.h"

namespace sy {

// The most workspace that an algorithm may use: what cuBLASLt's fastest ones need.
constexpr int64_t kLtWorkspace = int64_t{32} << 20;

// A GEMM's sizes and the alignments of its operands in bytes, on which the choice of an algorithm
// depends. base: what the product is added to, c itself unless the shape has a base.
struct LtKey {
  GemmShape shape;
  uint32_t a, b, c, base;
  auto operator<=>(const LtKey&) const = default;
};

// The library's type has no name of its own, and nvcc 13.0 fails on containers of such a type.
struct LtAlgorithm {
  cublasLtMatmulAlgo_t value;
};

struct LtOperands {
  const void *a, *b, *base;
  void* c;
};

[[noreturn]] inline void throw_cublaslt(const GemmShape& s, const std::string& reason) {
  throw RuntimeFailure(fmt::format("cuBLASLt cannot multiply {} {} x {} by {} x {} (batch {}): {}",
                                   name_of(s.in), s.m, s.k, s.k, s.n, s.batch, reason));
}

inline void check_cublaslt(cublasStatus_t status, const GemmShape& shape) {
  if (status != CUBLAS_STATUS_SUCCESS) throw_cublaslt(shape, cublaslt().GetStatusName(status));
}

class LtProduct {
 public:
  explicit LtProduct(const GemmShape& shape);
  ~LtProduct();
  LtProduct(const LtProduct&) = delete;
  LtProduct& operator=(const LtProduct&) = delete;

  // What the library's heuristics offer for operands of these alignments, best first; empty if
  // nothing. `schemes` (cublasLtReductionScheme_t) are the ways in which a sum that is computed in
  // parts may be put together.
  std::vector<LtAlgorithm> algorithms(cublasLtHandle_t handle, const LtKey& key,
                                      uint32_t schemes) const;

  // Queues the GEMM. A status other than success means that nothing was queued.
  cublasStatus_t run(cublasLtHandle_t handle, const LtAlgorithm& algorithm,
                     const LtOperands& operands, void* workspace, cudaStream_t stream) const;

 private:
  cublasLtMatrixLayout_t layout(DType dtype, int64_t rows, int64_t cols, bool shared = false) const;

  GemmShape shape_;
  cublasLtMatmulDesc_t descriptor_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, c_ = nullptr;
};

inline cudaDataType_t cuda_type(DType dtype) {
  return dtype == DType::f64 ? CUDA_R_64F : dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

// The layout of row-major [rows, cols] matrices, `batch` of them in sequence, or one for all.
inline cublasLtMatrixLayout_t LtProduct::layout(DType dtype, int64_t rows, int64_t cols,
                                                bool shared) const {
  cublasLtMatrixLayout_t made = nullptr;
  check_cublaslt(
      cublaslt().MatrixLayoutCreate(&made, cuda_type(dtype), static_cast<uint64_t>(cols),
                                    static_cast<uint64_t>(rows), std::max<int64_t>(cols, 1)),
      shape_);
  const auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, auto value) {
    check_cublaslt(cublaslt().MatrixLayoutSetAttribute(made, attribute, &value, sizeof(value)),
                   shape_);
  };
  set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, narrow<int32_t>(shape_.batch));
  set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, shared ? int64_t{0} : rows * cols);
  return made;
}

inline LtProduct::LtProduct(const GemmShape& shape) : shape_(shape) {
  const GemmShape& s = shape_;
  const bool wide = s.in == DType::f64;
  check_cublaslt(
      cublaslt().MatmulDescCreate(&descriptor_, wide ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                                  wide ? CUDA_R_64F : CUDA_R_32F),
      s);
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, auto value) {
    check_cublaslt(cublaslt().MatmulDescSetAttribute(descriptor_, attribute, &value, sizeof(value)),
                   s);
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, s.options.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_TRANSB, s.options.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE,
      s.options.relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT);
  a_ = s.options.transpose_a ? layout(s.in, s.k, s.m, s.shared_a)
                             : layout(s.in, s.m, s.k, s.shared_a);
  b_ = s.options.transpose_b ? layout(s.in, s.n, s.k) : layout(s.in, s.k, s.n);
  c_ = layout(s.out, s.m, s.n);
}

inline LtProduct::~LtProduct() {
  for (const cublasLtMatrixLayout_t made : {a_, b_, c_}) cublaslt().MatrixLayoutDestroy(made);
  cublaslt().MatmulDescDestroy(descriptor_);
}

inline std::vector<LtAlgorithm> LtProduct::algorithms(cublasLtHandle_t handle, const LtKey& key,
                                                      uint32_t schemes) const {
  constexpr int kMost = 16;
  cublasLtMatmulPreference_t preference = nullptr;
  check_cublaslt(cublaslt().MatmulPreferenceCreate(&preference), shape_);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    check_cublaslt(
        cublaslt().MatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)),
        shape_);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(kLtWorkspace));
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, schemes);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.b);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.a);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.base);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.c);
  cublasLtMatmulHeuristicResult_t found[kMost];
  int count = 0;
  const cublasStatus_t status = cublaslt().MatmulAlgoGetHeuristic(
      handle, descriptor_, b_, a_, c_, c_, preference, kMost, found, &count);
  cublaslt().MatmulPreferenceDestroy(preference);
  std::vector<LtAlgorithm> algorithms;
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return algorithms;
  check_cublaslt(status, shape_);
  for (int i = 0; i < count; ++i) {
    if (found[i].state == CUBLAS_STATUS_SUCCESS) algorithms.push_back({found[i].algo});
  }
  return algorithms;
}

inline cublasStatus_t LtProduct::run(cublasLtHandle_t handle, const LtAlgorithm& algorithm,
                                     const LtOperands& operands, void* workspace,
                                     cudaStream_t stream) const {
  const float one = 1, beta = shape_.options.accumulate || shape_.has_base ? 1 : 0;
  const double one64 = 1, beta64 = beta;
  const bool wide = shape_.in == DType::f64;
  const void* alpha = wide ? static_cast<const void*>(&one64) : &one;
  const void* keep = wide ? static_cast<const void*>(&beta64) : &beta;
  return cublaslt().Matmul(handle, descriptor_, alpha, operands.b, b_, operands.a, a_, keep,
                           operands.base, c_, operands.c, c_, &algorithm.value, workspace,
                           kLtWorkspace, stream);
}

}  // namespace sy
