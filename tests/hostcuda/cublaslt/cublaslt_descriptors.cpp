// SPDX-License-Identifier: Apache-2.0
// The three kinds of descriptor (matrix layout, operation, preference) and the calls that create,
// change and read them.
#include <cstring>

#include "tests/hostcuda/cublaslt/cublaslt.h"
#include "tests/hostcuda/device/report.h"

namespace sy::hostcuda {
namespace {

// Where a descriptor stores an attribute; null for an attribute that is not supported here.
struct Field {
  void* place = nullptr;
  size_t bytes = 0;
};

template <class T>
Field field(T& value) {
  return {&value, sizeof(value)};
}

Field find(MatrixLayout& layout, cublasLtMatrixLayoutAttribute_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE:
      return field(layout.type);
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
      return field(layout.rows);
    case CUBLASLT_MATRIX_LAYOUT_COLS:
      return field(layout.cols);
    case CUBLASLT_MATRIX_LAYOUT_LD:
      return field(layout.ld);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return field(layout.batch);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return field(layout.stride);
    default:
      return {};
  }
}

Field find(MatmulDesc& desc, cublasLtMatmulDescAttributes_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
      return field(desc.compute);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
      return field(desc.scale);
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return field(desc.transpose_a);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return field(desc.transpose_b);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return field(desc.epilogue);
    default:
      return {};
  }
}

Field find(MatmulPreference& preference, cublasLtMatmulPreferenceAttributes_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return field(preference.workspace_bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return field(preference.reduction_schemes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return field(preference.alignment[0]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return field(preference.alignment[1]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return field(preference.alignment[2]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return field(preference.alignment[3]);
    default:
      return {};
  }
}

template <class Kept, class Opaque, class Attribute>
Field find_kept(Opaque* opaque, Attribute attribute, const char* call) {
  const Field found = find(*static_cast<Kept*>(opaque), attribute);
  if (found.place == nullptr) {
    (Message() << call << ": attribute " << static_cast<unsigned long long>(attribute)
               << " is not supported in host execution")
        .die();
  }
  return found;
}

template <class Kept, class Opaque, class Attribute>
cublasStatus_t set(Opaque* opaque, Attribute attribute, const void* from, size_t bytes,
                   const char* call) {
  if (opaque == nullptr || from == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const Field to = find_kept<Kept>(opaque, attribute, call);
  if (bytes != to.bytes) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(to.place, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

template <class Kept, class Opaque, class Attribute>
cublasStatus_t get(Opaque* opaque, Attribute attribute, void* to, size_t bytes, size_t* written,
                   const char* call) {
  if (opaque == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const Field from = find_kept<Kept>(opaque, attribute, call);
  const bool asks_size = bytes == 0;
  if (asks_size ? written == nullptr : to == nullptr || bytes != from.bytes) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (!asks_size) std::memcpy(to, from.place, bytes);
  if (written != nullptr) *written = from.bytes;
  return CUBLAS_STATUS_SUCCESS;
}

template <class Kept, class Opaque>
cublasStatus_t destroy(Opaque* opaque) {
  delete static_cast<Kept*>(opaque);
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace
}  // namespace sy::hostcuda

using namespace sy::hostcuda;

extern "C" {

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                                          uint64_t rows, uint64_t cols, int64_t ld) {
  if (layout == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  auto* made = new MatrixLayout;
  made->type = type;
  made->rows = rows;
  made->cols = cols;
  made->ld = ld;
  *layout = made;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy<MatrixLayout>(layout);
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* from, size_t bytes) {
  return set<MatrixLayout>(layout, attribute, from, bytes, "cublasLtMatrixLayoutSetAttribute");
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  if (desc == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  auto* made = new MatmulDesc;
  made->compute = compute;
  made->scale = scale;
  *desc = made;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  return destroy<MatmulDesc>(desc);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* from, size_t bytes) {
  return set<MatmulDesc>(desc, attribute, from, bytes, "cublasLtMatmulDescSetAttribute");
}

cublasStatus_t cublasLtMatmulDescGetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute, void* to,
                                              size_t bytes, size_t* written) {
  return get<MatmulDesc>(desc, attribute, to, bytes, written, "cublasLtMatmulDescGetAttribute");
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  if (preference == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *preference = new MatmulPreference;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy<MatmulPreference>(preference);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* from, size_t bytes) {
  return set<MatmulPreference>(preference, attribute, from, bytes,
                               "cublasLtMatmulPreferenceSetAttribute");
}

}  // extern "C"
