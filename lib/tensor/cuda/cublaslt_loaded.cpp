// SPDX-License-Identifier: Apache-2.0
#include "lib/base/error.h"
#include "lib/tensor/cuda/cublaslt.h"
#include "lib/tensor/cuda/loaded_library.h"

namespace sy {

const CublasLt& cublaslt() {
  static const CublasLt functions = [] {
    const LoadedLibrary library(fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR));
    CublasLt found;
#define SY_FUNCTION(name) library.find(found.name, "cublasLt" #name);
    SY_CUBLASLT_FUNCTIONS(SY_FUNCTION)
#undef SY_FUNCTION
    return found;
  }();
  return functions;
}

}  // namespace sy
