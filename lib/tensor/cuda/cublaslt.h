// cuBLASLt's functions, as cublaslt().Matmul(...): those of the library, which is loaded at the
// first call (cublaslt_loaded.cpp), or of what executes it on the host in tests.
#pragma once

#include <cublasLt.h>

namespace sy {

// Its lines would be moved at every run.
// clang-format off
#define SY_CUBLASLT_FUNCTIONS(X) \
  X(Create) X(Destroy) X(GetStatusName) X(Matmul) X(MatmulAlgoGetHeuristic) \
  X(MatmulDescCreate) X(MatmulDescDestroy) X(MatmulDescSetAttribute) \
  X(MatmulPreferenceCreate) X(MatmulPreferenceDestroy) X(MatmulPreferenceSetAttribute) \
  X(MatrixLayoutCreate) X(MatrixLayoutDestroy) X(MatrixLayoutSetAttribute)
// clang-format on

struct CublasLt {
#define SY_FUNCTION(name) decltype(&cublasLt##name) name;
  SY_CUBLASLT_FUNCTIONS(SY_FUNCTION)
#undef SY_FUNCTION
};

// Throws RuntimeFailure where the library cannot be loaded.
const CublasLt& cublaslt();

}  // namespace sy
