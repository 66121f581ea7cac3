// cuBLASLt executed on the host: as much of it as kernels/gemm/gemm_cuda.cu calls, with the
// signatures of the toolkit's cublasLt.h and linked in place of its library. Column-major matrices,
// strided batches, no epilogue but RELU. What is not kept here ends the program with a report
// (report.h).
#pragma once

#include <cublasLt.h>

namespace sy::hostcuda {

// The toolkit's opaque structures are the bases of what they hold here.
struct MatrixLayout : cublasLtMatrixLayoutOpaque_t {
  cudaDataType type = CUDA_R_32F;
  uint64_t rows = 0, cols = 0;
  int64_t ld = 0;  // elements from one column to the next
  int32_t batch = 1;
  int64_t stride = 0;  // elements from one matrix of the batch to the next

  // Elements from the first to behind the last.
  uint64_t extent() const;
};

struct MatmulDesc : cublasLtMatmulDescOpaque_t {
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cudaDataType scale = CUDA_R_32F;  // of alpha and beta
  int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
};

struct MatmulPreference : cublasLtMatmulPreferenceOpaque_t {
  uint64_t workspace_bytes = 0;
  uint32_t reduction_schemes = CUBLASLT_REDUCTION_SCHEME_MASK;
  uint32_t alignment[4] = {256, 256, 256, 256};  // of A, B, C and D, in bytes
};

// One product as it is described: D [m, n] = alpha op(A) op(B) + beta C, op(A) [m, k].
struct Product {
  MatmulDesc desc;
  MatrixLayout a, b, c, d;

  uint64_t m() const { return d.rows; }
  uint64_t n() const { return d.cols; }
  uint64_t k() const { return desc.transpose_a == CUBLAS_OP_N ? a.cols : a.rows; }
};

// What the library says of a product: CUBLAS_STATUS_INVALID_VALUE where sizes do not fit,
// CUBLAS_STATUS_NOT_SUPPORTED for dtypes that it has no kernel for.
cublasStatus_t status_of(const Product& product);

// What a cublasLtMatmulAlgo_t holds here.
struct Algorithm {
  uint64_t mark;          // of those made here
  uint32_t kind;          // dtypes and transposes that it is for
  uint32_t alignment[4];  // that A, B, C and D were promised to have
  uint32_t split;         // whether partial sums meet in D's dtype
  uint64_t workspace_bytes;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));
Algorithm choose_algorithm(const Product& product, const MatmulPreference& preference);

// What was chosen earlier, for another product perhaps: CUBLAS_STATUS_INVALID_VALUE where it was
// not, CUBLAS_STATUS_NOT_SUPPORTED where it is for other dtypes or transposes.
cublasStatus_t read_algorithm(Algorithm& to, const cublasLtMatmulAlgo_t& from,
                              const Product& product);

struct ProductData {
  const void *a, *b, *c;
  void* d;
  double alpha, beta;
};

// Computes it. Sums are float32, float64 for float64; C is read where beta is not 0; RELU makes 0
// of NaN, as maxima of the hardware do. With `split` each sum's first half is rounded to D's dtype
// before the second is added: the least exact that CUBLASLT_REDUCTION_SCHEME_INPLACE and
// OUTPUT_TYPE permit.
void multiply(const Product& product, const ProductData& data, bool split);

size_t bytes_of(cudaDataType type);

}  // namespace sy::hostcuda
