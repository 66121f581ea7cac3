// SPDX-License-Identifier: Apache-2.0
// cuBLASLt executed on the host: the subset that kernels/gemm/gemm_cuda.cu calls, with the
// signatures of the toolkit's cublasLt.h and linked in place of its library. It supports
// column-major matrices, strided batches, and RELU as the only epilogue. Setting or reading any
// other attribute ends the program with a report (report.h).
#pragma once

#include <cublasLt.h>

#include <vector>

namespace sy::hostcuda {

// Each descriptor derives from the toolkit's opaque structure, so that a handle points to it.
struct MatrixLayout : cublasLtMatrixLayoutOpaque_t {
  cudaDataType type = CUDA_R_32F;
  uint64_t rows = 0, cols = 0;
  int64_t ld = 0;  // elements from one column to the next
  int32_t batch = 1;
  int64_t stride = 0;  // elements from one matrix of the batch to the next

  // Elements from the first to one past the last.
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

// One matrix multiplication as its descriptors state it: D = alpha op(A) op(B) + beta C, with
// C and D [m, n], op(A) [m, k] and op(B) [k, n].
struct Product {
  MatmulDesc desc;
  MatrixLayout a, b, c, d;

  uint64_t m() const { return d.rows; }
  uint64_t n() const { return d.cols; }
  uint64_t k() const { return desc.transpose_a == CUBLAS_OP_N ? a.cols : a.rows; }
};

// The library's verdict on a product: CUBLAS_STATUS_INVALID_VALUE if the sizes do not match,
// CUBLAS_STATUS_NOT_SUPPORTED if it has no kernel for the dtypes or the epilogue.
cublasStatus_t status_of(const Product& product);

// The order in which each sum is taken: from first to last; the second half, then the first; or
// that with the first half rounded to D's dtype, the least exact result that
// CUBLASLT_REDUCTION_SCHEME_INPLACE and OUTPUT_TYPE permit.
enum class Sums : uint32_t { whole, halves, rounded_halves };

// An algorithm that the heuristics offer. One that rounds is offered only where the preference
// permits it.
struct Offer {
  Sums sums = Sums::whole;
  bool usable = true;       // as the heuristics' result says
  bool runs = true;         // otherwise cublasLtMatmul refuses it
  double milliseconds = 0;  // that events see pass when it runs
  int64_t count = 0;        // how often it has been queued
};

// Best first. Those that a program starts with run, and are the worst that the library may choose:
// they round where that is permitted. Tests may replace them.
std::vector<Offer>& offers();

// The contents of a cublasLtMatmulAlgo_t.
struct Algorithm {
  uint64_t mark;          // identifies an algorithm that was made here
  uint32_t kind;          // the dtypes, transposes and epilogue it serves
  uint32_t alignment[4];  // the promised alignment of A, B, C and D, in bytes
  Sums sums;
  uint32_t number;  // in offers()
  uint64_t workspace_bytes;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

// Those of offers() that the preference permits, in the same order.
std::vector<Algorithm> choose_algorithms(const Product& product,
                                         const MatmulPreference& preference);

// Reads an algorithm that was chosen earlier, possibly for another product. Returns
// CUBLAS_STATUS_INVALID_VALUE if it did not come from choose_algorithms, and
// CUBLAS_STATUS_NOT_SUPPORTED if it serves other dtypes, transposes or another epilogue.
cublasStatus_t read_algorithm(Algorithm& to, const cublasLtMatmulAlgo_t& from,
                              const Product& product);

struct ProductData {
  const void *a, *b, *c;
  void* d;
  double alpha, beta;
};

// Computes the product and overwrites D. Sums accumulate in float32, or in float64 for float64
// inputs. C is read only if beta is not 0. RELU turns NaN into 0, as the hardware's maximum does.
void multiply(const Product& product, const ProductData& data, Sums sums);

size_t bytes_of(cudaDataType type);

}  // namespace sy::hostcuda
