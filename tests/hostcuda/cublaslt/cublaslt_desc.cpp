// What a product computes.
#include "tests/hostcuda/cublaslt/cublaslt_attribute.h"

namespace sy::hostcuda {

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

}  // namespace sy::hostcuda

using namespace sy::hostcuda;

extern "C" {

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

}  // extern "C"
