// SPDX-License-Identifier: Apache-2.0
#include "cmd/version.h"

#include <dnnl.h>
#include <fmt/core.h>
#include <mpi.h>

#include <array>
#ifdef SY_HAVE_CUDA
#include <cuda_runtime_api.h>
#include <nccl.h>
#endif

#include "cmd/commit.h"
#include "lib/measure/probes.h"

namespace sy {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = "Clang " __clang_version__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

// The first line or item: implementations add packager, date or URLs after it.
std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);  // may be called before MPI_Init
  const std::string whole(text.data(), static_cast<size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));
}

std::string cuda_version() {
#ifdef SY_HAVE_CUDA
  return fmt::format("cuda {}.{} (NCCL {}.{}.{})", CUDART_VERSION / 1000,
                     CUDART_VERSION % 1000 / 10, NCCL_MAJOR, NCCL_MINOR, NCCL_PATCH);
#else
  return "cuda not built";
#endif
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace

std::string version_text() {
  return fmt::format(
      "switchyard {}\n"
      "commit: {}\n"
      "compiler: {}, {}\n"
      "processor: {}\n"
      "MPI: {}\n"
      "backends: cpu, {}\n"
      "HDF5: {}\n"
      "oneDNN: {}\n"
      "SentencePiece: {}",
      SY_VERSION, SY_COMMIT, kCompiler, SY_BUILD_TYPE, SY_BASELINE_NAME, mpi_version(),
      cuda_version(), hdf5_version(), onednn_version(), SY_SENTENCEPIECE_VERSION);
}

}  // namespace sy
