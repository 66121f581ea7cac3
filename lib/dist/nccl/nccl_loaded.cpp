// SPDX-License-Identifier: Apache-2.0
#include "lib/base/error.h"
#include "lib/dist/nccl/nccl_library.h"
#include "lib/tensor/cuda/loaded_library.h"

namespace sy {

const Nccl& nccl() {
  static const Nccl functions = [] {
    const LoadedLibrary library(fmt::format("libnccl.so.{}", NCCL_MAJOR));
    Nccl found;
#define SY_FUNCTION(name) library.find(found.name, "nccl" #name);
    SY_NCCL_FUNCTIONS(SY_FUNCTION)
#undef SY_FUNCTION
    return found;
  }();
  return functions;
}

}  // namespace sy
