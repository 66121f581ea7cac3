// Common to the functions of the runtime API in runtime_*.cpp, which have the toolkit's signatures
// and are linked in place of libcudart.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>

#include "tests/hostcuda/device/memory.h"

namespace sy::hostcuda {

// Keeps an error for cudaGetLastError, and returns it.
cudaError_t failed(cudaError_t error);

using Lock = std::lock_guard<std::recursive_mutex>;

}  // namespace sy::hostcuda
