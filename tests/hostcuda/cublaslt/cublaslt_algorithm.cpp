// SPDX-License-Identifier: Apache-2.0
// Which products the library supports, and the stand-in for its algorithms.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "tests/hostcuda/cublaslt/cublaslt.h"

namespace sy::hostcuda {
namespace {

constexpr uint64_t kMark = 0x686f737463756461;  // "hostcuda"

// Supported combinations of the dtype of A and B with that of C and D.
bool has_kernel(const Product& p) {
  if (p.a.type != p.b.type || p.c.type != p.d.type) return false;
  if (p.desc.compute == CUBLAS_COMPUTE_64F) {
    return p.desc.scale == CUDA_R_64F && p.a.type == CUDA_R_64F && p.d.type == CUDA_R_64F;
  }
  if (p.desc.compute != CUBLAS_COMPUTE_32F || p.desc.scale != CUDA_R_32F) return false;
  if (p.a.type == CUDA_R_32F) return p.d.type == CUDA_R_32F;
  return p.a.type == CUDA_R_16BF && (p.d.type == CUDA_R_16BF || p.d.type == CUDA_R_32F);
}

// The library's table of supported combinations has no epilogue for float64.
bool has_epilogue(const Product& p) {
  return p.desc.epilogue == CUBLASLT_EPILOGUE_DEFAULT ||
         (p.desc.epilogue == CUBLASLT_EPILOGUE_RELU && p.d.type != CUDA_R_64F);
}

// With SWITCHYARD_HOSTCUDA_CUBLASLT=aligned there are algorithms only for bfloat16 matrices whose
// columns all begin at multiples of 16 bytes, as one of another GPU or version may be.
bool has_aligned_columns(const Product& p) {
  const char* set = std::getenv("SWITCHYARD_HOSTCUDA_CUBLASLT");
  if (set == nullptr || std::strcmp(set, "aligned") != 0 || p.a.type != CUDA_R_16BF) return true;
  for (const MatrixLayout* x : {&p.a, &p.b, &p.c, &p.d}) {
    if (static_cast<uint64_t>(x->ld) * bytes_of(x->type) % 16 != 0) return false;
  }
  return true;
}

bool is_transpose(int32_t operation) {
  return operation == CUBLAS_OP_N || operation == CUBLAS_OP_T;
}

bool is_layout(const MatrixLayout& x) {
  return x.rows > 0 && x.cols > 0 && x.ld >= 0 && static_cast<uint64_t>(x.ld) >= x.rows &&
         x.batch > 0 && x.stride >= 0;
}

bool fits(const Product& p) {
  for (const MatrixLayout* x : {&p.a, &p.b, &p.c, &p.d}) {
    if (!is_layout(*x) || x->batch != p.d.batch) return false;
  }
  const bool a_as_it_is = p.desc.transpose_a == CUBLAS_OP_N;
  const bool b_as_it_is = p.desc.transpose_b == CUBLAS_OP_N;
  const uint64_t left = a_as_it_is ? p.a.rows : p.a.cols;
  const uint64_t right = b_as_it_is ? p.b.cols : p.b.rows;
  const uint64_t inner = b_as_it_is ? p.b.rows : p.b.cols;
  // The products of a batch may share A or B, but each needs its own D.
  const uint64_t d_matrix = static_cast<uint64_t>(p.d.ld) * (p.d.cols - 1) + p.d.rows;
  const bool apart = p.d.batch == 1 || static_cast<uint64_t>(p.d.stride) >= d_matrix;
  return left == p.m() && right == p.n() && inner == p.k() && p.c.rows == p.m() &&
         p.c.cols == p.n() && apart;
}

uint32_t kind_of(const Product& p) {
  return static_cast<uint32_t>(p.a.type) | static_cast<uint32_t>(p.d.type) << 8 |
         static_cast<uint32_t>(p.desc.transpose_a) << 16 |
         static_cast<uint32_t>(p.desc.transpose_b) << 20 |
         static_cast<uint32_t>(p.desc.epilogue) << 24;
}

}  // namespace

size_t bytes_of(cudaDataType type) {
  return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

uint64_t MatrixLayout::extent() const {
  const auto step = static_cast<uint64_t>(ld), apart = static_cast<uint64_t>(stride);
  return apart * static_cast<uint64_t>(batch - 1) + step * (cols - 1) + rows;
}

cublasStatus_t status_of(const Product& product) {
  if (!has_kernel(product) || !has_epilogue(product) || !has_aligned_columns(product)) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  const bool known =
      is_transpose(product.desc.transpose_a) && is_transpose(product.desc.transpose_b);
  return known && fits(product) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

std::vector<Offer>& offers() {
  static auto* the = new std::vector<Offer>{
      {.sums = Sums::rounded_halves}, {.sums = Sums::whole}, {.sums = Sums::halves}};
  return *the;
}

// Each takes all the workspace that partial sums could fill.
std::vector<Algorithm> choose_algorithms(const Product& product,
                                         const MatmulPreference& preference) {
  Algorithm made{};
  made.mark = kMark;
  made.kind = kind_of(product);
  std::copy(std::begin(preference.alignment), std::end(preference.alignment), made.alignment);
  const uint64_t partial =
      static_cast<uint64_t>(product.d.batch) * product.m() * product.n() * sizeof(float);
  made.workspace_bytes = std::min(preference.workspace_bytes, partial);
  constexpr uint32_t kCoarse =
      CUBLASLT_REDUCTION_SCHEME_INPLACE | CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE;
  const bool may_round = (preference.reduction_schemes & kCoarse) != 0;
  std::vector<Algorithm> chosen;
  for (size_t i = 0; i < offers().size(); ++i) {
    made.sums = offers()[i].sums;
    made.number = static_cast<uint32_t>(i);
    if (may_round || made.sums != Sums::rounded_halves) chosen.push_back(made);
  }
  return chosen;
}

cublasStatus_t read_algorithm(Algorithm& to, const cublasLtMatmulAlgo_t& from,
                              const Product& product) {
  std::memcpy(&to, &from, sizeof(to));
  if (to.mark != kMark) return CUBLAS_STATUS_INVALID_VALUE;
  if (to.kind != kind_of(product)) return CUBLAS_STATUS_NOT_SUPPORTED;
  const bool runs = to.number >= offers().size() || offers()[to.number].runs;
  return runs ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

}  // namespace sy::hostcuda
