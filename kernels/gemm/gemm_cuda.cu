// SPDX-License-Identifier: Apache-2.0
// GEMMs with cuBLASLt, which is column-major: a row-major [r, c] matrix is its transpose [c, r], so
// c = op(a) op(b) is computed as c^T = op(b)^T op(a)^T.
#include <algorithm>
#include <map>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_shape.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cublaslt.h"
#include "lib/tensor/cuda/cuda_check.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

// The workspace that cuBLASLt's fastest algorithms need, and its alignment.
constexpr int64_t kWorkspace = int64_t{32} << 20, kWorkspaceAlignment = 256;

void check_cublaslt(cublasStatus_t status, const GemmShape& s) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw RuntimeFailure(fmt::format("cuBLASLt cannot multiply {} {} x {} by {} x {} (batch {}): {}",
                                   name_of(s.in), s.m, s.k, s.k, s.n, s.batch,
                                   cublaslt().GetStatusName(status)));
}

cudaDataType_t cuda_type(DType dtype) {
  return dtype == DType::f64 ? CUDA_R_64F : dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

// The largest power of two up to 256 that divides a pointer; the choice of an algorithm depends on
// it.
uint32_t alignment_of(const void* pointer) {
  const auto bits = reinterpret_cast<uintptr_t>(pointer) | 256u;
  return static_cast<uint32_t>(bits & (~bits + 1));
}

// A GEMM's sizes and the alignments of its operands.
struct Key {
  GemmShape shape;
  uint32_t a, b, c;
  auto operator<=>(const Key&) const = default;
};

// One GEMM's descriptors and the algorithm that cuBLASLt's heuristics rank first.
class CachedGemm {
 public:
  CachedGemm(cublasLtHandle_t handle, const Key& key);
  ~CachedGemm();
  CachedGemm(const CachedGemm&) = delete;
  CachedGemm& operator=(const CachedGemm&) = delete;

  void run(const CudaContext& context, Tensor c, Tensor a, Tensor b, void* workspace) const;

 private:
  cublasLtMatrixLayout_t layout(DType dtype, int64_t rows, int64_t cols) const;
  void choose(cublasLtHandle_t handle, const Key& key);

  GemmShape shape_;
  cublasLtMatmulDesc_t descriptor_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, c_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_;
};

// The layout of row-major [rows, cols] matrices, `batch` of them in sequence.
cublasLtMatrixLayout_t CachedGemm::layout(DType dtype, int64_t rows, int64_t cols) const {
  cublasLtMatrixLayout_t made = nullptr;
  check_cublaslt(
      cublaslt().MatrixLayoutCreate(&made, cuda_type(dtype), static_cast<uint64_t>(cols),
                                    static_cast<uint64_t>(rows), std::max<int64_t>(cols, 1)),
      shape_);
  const auto batch = narrow<int32_t>(shape_.batch);
  const int64_t stride = rows * cols;
  check_cublaslt(cublaslt().MatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                                     &batch, sizeof(batch)),
                 shape_);
  check_cublaslt(cublaslt().MatrixLayoutSetAttribute(
                     made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof(stride)),
                 shape_);
  return made;
}

CachedGemm::CachedGemm(cublasLtHandle_t handle, const Key& key) : shape_(key.shape) {
  const GemmShape& s = shape_;
  const bool wide = s.in == DType::f64;
  check_cublaslt(
      cublaslt().MatmulDescCreate(&descriptor_, wide ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                                  wide ? CUDA_R_64F : CUDA_R_32F),
      s);
  const cublasOperation_t first = s.options.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t second = s.options.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
  check_cublaslt(cublaslt().MatmulDescSetAttribute(descriptor_, CUBLASLT_MATMUL_DESC_TRANSA, &first,
                                                   sizeof(first)),
                 s);
  check_cublaslt(cublaslt().MatmulDescSetAttribute(descriptor_, CUBLASLT_MATMUL_DESC_TRANSB,
                                                   &second, sizeof(second)),
                 s);
  const cublasLtEpilogue_t after =
      s.options.relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT;
  check_cublaslt(cublaslt().MatmulDescSetAttribute(descriptor_, CUBLASLT_MATMUL_DESC_EPILOGUE,
                                                   &after, sizeof(after)),
                 s);
  a_ = s.options.transpose_a ? layout(s.in, s.k, s.m) : layout(s.in, s.m, s.k);
  b_ = s.options.transpose_b ? layout(s.in, s.n, s.k) : layout(s.in, s.k, s.n);
  c_ = layout(s.out, s.m, s.n);
  choose(handle, key);
}

CachedGemm::~CachedGemm() {
  for (const cublasLtMatrixLayout_t made : {a_, b_, c_}) cublaslt().MatrixLayoutDestroy(made);
  cublaslt().MatmulDescDestroy(descriptor_);
}

void CachedGemm::choose(cublasLtHandle_t handle, const Key& key) {
  cublasLtMatmulPreference_t preference = nullptr;
  check_cublaslt(cublaslt().MatmulPreferenceCreate(&preference), shape_);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    check_cublaslt(
        cublaslt().MatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)),
        shape_);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(kWorkspace));
  // A sum that is computed in parts must not be rounded to c's dtype in between.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.b);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.a);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.c);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.c);
  cublasLtMatmulHeuristicResult_t best;
  int found = 0;
  const cublasStatus_t status = cublaslt().MatmulAlgoGetHeuristic(handle, descriptor_, b_, a_, c_,
                                                                  c_, preference, 1, &best, &found);
  cublaslt().MatmulPreferenceDestroy(preference);
  check_cublaslt(status, shape_);
  check_cublaslt(found > 0 ? best.state : CUBLAS_STATUS_NOT_SUPPORTED, shape_);
  algorithm_ = best.algo;
}

void CachedGemm::run(const CudaContext& context, Tensor c, Tensor a, Tensor b,
                     void* workspace) const {
  const float one = 1, beta = shape_.options.accumulate ? 1 : 0;
  const double one64 = 1, beta64 = beta;
  const bool wide = shape_.in == DType::f64;
  const void* alpha = wide ? static_cast<const void*>(&one64) : &one;
  const void* keep = wide ? static_cast<const void*>(&beta64) : &beta;
  check_cublaslt(cublaslt().Matmul(context.cublaslt_handle, descriptor_, alpha, b.raw(), b_,
                                   a.raw(), a_, keep, c.raw(), c_, c.raw(), c_, &algorithm_,
                                   workspace, kWorkspace, context.compute),
                 shape_);
}

// The first aligned address in memory that has kWorkspaceAlignment bytes to spare.
void* aligned(Tensor memory) {
  const auto place = reinterpret_cast<int64_t>(memory.raw());
  return reinterpret_cast<void*>(round_up(place, kWorkspaceAlignment));
}

struct GemmCache {
  std::map<Key, CachedGemm> products;
};

void multiply(Exec& exec, Tensor c, Tensor a, Tensor b, const GemmShape& shape) {
  ScratchScope scratch(exec);
  const Tensor memory =
      scratch.take(DType::i32, {(kWorkspace + kWorkspaceAlignment) / 4}, "cuBLASLt workspace");
  if (exec.planning || shape.batch * shape.m * shape.n == 0) return;
  CudaContext& context = cuda(exec);
  if (shape.k == 0) {
    if (shape.options.accumulate) return;
    check_cuda(cudaMemsetAsync(c.raw(), 0, static_cast<size_t>(c.bytes()), context.compute),
               "gemm");
    return;
  }
  const Key key{shape, alignment_of(a.raw()), alignment_of(b.raw()), alignment_of(c.raw())};
  auto& products = exec.state<GemmCache>().products;
  auto place = products.find(key);
  if (place == products.end()) {
    place = products.try_emplace(key, context.cublaslt_handle, key).first;
  }
  place->second.run(context, c, a, b, aligned(memory));
}

}  // namespace

template <class T>
struct GemmImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, const GemmShape& shape) {
    multiply(exec, c, a, b, shape);
  }
};

template struct GemmImpl<Backend::cuda, float>;
template struct GemmImpl<Backend::cuda, double>;
template struct GemmImpl<Backend::cuda, BFloat16>;

}  // namespace sy
