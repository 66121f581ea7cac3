// What a call of NCCL is refused for.
#pragma once

#include <nccl.h>

#include <string>

namespace sy::hostcuda {

// Keeps the sentence for ncclGetLastError, and returns `result`.
ncclResult_t refuse(ncclResult_t result, const std::string& sentence);

}  // namespace sy::hostcuda
