// SPDX-License-Identifier: Apache-2.0
// The library as a whole: its table of functions, handle, version and status names.
#include <cublasLt.h>

#include "lib/tensor/cuda/cublaslt.h"

struct cublasLtContext {};

namespace {

struct Status {
  const char *name, *text;
};

Status describe(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return {"CUBLAS_STATUS_SUCCESS", "success"};
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return {"CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"};
    case CUBLAS_STATUS_ALLOC_FAILED:
      return {"CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"};
    case CUBLAS_STATUS_INVALID_VALUE:
      return {"CUBLAS_STATUS_INVALID_VALUE", "an invalid value was provided as a parameter"};
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return {"CUBLAS_STATUS_ARCH_MISMATCH", "the device lacks a feature that the call needs"};
    case CUBLAS_STATUS_MAPPING_ERROR:
      return {"CUBLAS_STATUS_MAPPING_ERROR", "a texture could not be bound"};
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return {"CUBLAS_STATUS_EXECUTION_FAILED", "the function failed to launch on the GPU"};
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return {"CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"};
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return {"CUBLAS_STATUS_NOT_SUPPORTED", "the functionality is not supported"};
    case CUBLAS_STATUS_LICENSE_ERROR:
      return {"CUBLAS_STATUS_LICENSE_ERROR", "the license could not be checked"};
  }
  return {"an unknown status", "an unknown status"};
}

}  // namespace

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new cublasLtContext;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion() {
  return CUBLAS_VERSION;
}

const char* cublasLtGetStatusName(cublasStatus_t status) {
  return describe(status).name;
}

const char* cublasLtGetStatusString(cublasStatus_t status) {
  return describe(status).text;
}

}  // extern "C"

namespace sy {

// The backend looks these functions up by name in the real library; here they are linked in.
const CublasLt& cublaslt() {
#define SY_FUNCTION(name) &cublasLt##name,
  static const CublasLt functions{SY_CUBLASLT_FUNCTIONS(SY_FUNCTION)};
#undef SY_FUNCTION
  return functions;
}

}  // namespace sy
