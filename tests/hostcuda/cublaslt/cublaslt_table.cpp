// The functions that the backend finds by name in the library: here this folder's.
#include "lib/tensor/cuda/cublaslt.h"

namespace sy {

const CublasLt& cublaslt() {
#define SY_FUNCTION(name) &cublasLt##name,
  static const CublasLt functions{SY_CUBLASLT_FUNCTIONS(SY_FUNCTION)};
#undef SY_FUNCTION
  return functions;
}

}  // namespace sy
