// SPDX-License-Identifier: Apache-2.0
// The libraries that the CUDA backend loads at its first call. Loading them needs no GPU or driver.
#include "lib/tensor/cuda/loaded_library.h"

#include <catch2/catch.hpp>
#include <string>

#include "lib/base/error.h"
#include "lib/dist/nccl/nccl_library.h"
#include "lib/tensor/cuda/cublaslt.h"

namespace sy {
namespace {

TEST_CASE("loaded_library: the installed libraries have every function that is called",
          "[loaded_library]") {
  CHECK(std::string(cublaslt().GetStatusName(CUBLAS_STATUS_NOT_SUPPORTED)) ==
        "CUBLAS_STATUS_NOT_SUPPORTED");
  CHECK(!std::string(nccl().GetErrorString(ncclInvalidUsage)).empty());
}

TEST_CASE("loaded_library: a missing library or function is named", "[loaded_library]") {
  CHECK_THROWS_WITH(
      LoadedLibrary("libabsent.so.9"),
      Catch::Contains("libabsent.so.9") && Catch::Contains("SWITCHYARD_CUDA_LIBRARIES"));
  void (*function)() = nullptr;
  CHECK_THROWS_WITH(LoadedLibrary("libm.so.6").find(function, "sy_absent"),
                    Catch::Contains("libm.so.6") && Catch::Contains("sy_absent"));
}

}  // namespace
}  // namespace sy
