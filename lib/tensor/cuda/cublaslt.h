// SPDX-License-Identifier: Apache-2.0
// cuBLASLt's functions, called as cublaslt().Matmul(...). They come from the library, loaded at the
// first call (cublaslt_loaded.cpp), or in tests from the implementation that runs on the host.
#pragma once

#include <cublasLt.h>

namespace sy {

// clang-format would move these lines on every run.
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

// Throws RuntimeFailure if the library cannot be loaded.
const CublasLt& cublaslt();

}  // namespace sy
