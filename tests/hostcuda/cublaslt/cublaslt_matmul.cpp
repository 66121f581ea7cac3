// SPDX-License-Identifier: Apache-2.0
// The two calls that take a whole product. What the library rejects is rejected with the library's
// status. What the library leaves undefined, such as a pointer that breaks an alignment promise,
// ends the program with a report.
#include <cstring>

#include "tests/hostcuda/cublaslt/cublaslt.h"
#include "tests/hostcuda/device/memory.h"
#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/runtime/stream.h"

namespace sy::hostcuda {
namespace {

constexpr uint32_t kWorkspaceAlignment = 256;

Product read(cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
             cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d) {
  return {*static_cast<MatmulDesc*>(desc), *static_cast<MatrixLayout*>(a),
          *static_cast<MatrixLayout*>(b), *static_cast<MatrixLayout*>(c),
          *static_cast<MatrixLayout*>(d)};
}

double read_scale(const void* scale, cudaDataType type) {
  return type == CUDA_R_64F ? *static_cast<const double*>(scale)
                            : static_cast<double>(*static_cast<const float*>(scale));
}

bool is_aligned(const void* pointer, uint32_t alignment) {
  return reinterpret_cast<uintptr_t>(pointer) % alignment == 0;
}

// A range of memory that a product uses; `name` identifies it in reports.
struct Range {
  const char* name;
  const void* begin;
  size_t bytes;
  uint32_t alignment;

  const char* end() const { return static_cast<const char*>(begin) + bytes; }
  bool overlaps(const Range& other) const { return begin < other.end() && other.begin < end(); }
};

Range range_of(const char* name, const void* begin, const MatrixLayout& layout,
               uint32_t alignment) {
  return {name, begin, layout.extent() * bytes_of(layout.type), alignment};
}

void check(const Range& range) {
  if (range.bytes == 0) return;
  if (!is_aligned(range.begin, range.alignment)) {
    (Message() << "cublasLtMatmul: " << range.name << " at " << range.begin
               << " is not aligned to the " << range.alignment << " bytes that were promised")
        .die();
  }
  const std::lock_guard lock(runtime_mutex());
  if (find_range(range.begin, range.bytes) == nullptr) {
    (Message() << "cublasLtMatmul: " << range.name << ", " << range.bytes << " bytes at "
               << range.begin << ", is not within memory of the CUDA runtime")
        .die();
  }
}

void check_apart(const Range& written, const Range& other) {
  if (written.bytes == 0 || other.bytes == 0 || !written.overlaps(other)) return;
  (Message() << "cublasLtMatmul: " << written.name << " overlaps " << other.name).die();
}

void check_memory(const Product& p, const Algorithm& algorithm, const ProductData& data,
                  const Range& workspace) {
  const Range a = range_of("A", data.a, p.a, algorithm.alignment[0]);
  const Range b = range_of("B", data.b, p.b, algorithm.alignment[1]);
  const Range c = range_of("C", data.c, p.c, algorithm.alignment[2]);
  const Range d = range_of("D", data.d, p.d, algorithm.alignment[3]);
  for (const Range& range : {a, b, d, workspace}) check(range);
  for (const Range& other : {a, b, workspace}) check_apart(d, other);
  for (const Range& other : {a, b}) check_apart(workspace, other);
  if (data.beta == 0) return;
  check(c);
  if (c.begin != d.begin || p.c.ld != p.d.ld || p.c.stride != p.d.stride) check_apart(d, c);
}

}  // namespace
}  // namespace sy::hostcuda

using namespace sy::hostcuda;

extern "C" {

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* found) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!desc || !a || !b || !c || !d || !preference || !results || !found || requested <= 0) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  *found = 0;
  const Product product = read(desc, a, b, c, d);
  const cublasStatus_t status = status_of(product);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  for (const Algorithm& each :
       choose_algorithms(product, *static_cast<MatmulPreference*>(preference))) {
    if (*found == requested) break;
    cublasLtMatmulHeuristicResult_t& result = results[(*found)++];
    result = {};
    std::memcpy(&result.algo, &each, sizeof(each));
    result.workspaceSize = each.workspace_bytes;
    const bool usable = offers()[each.number].usable;
    result.state = usable ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
    result.wavesCount = 1;
  }
  // The library says so in this way, too, when it finds nothing.
  return *found > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!desc || !a_layout || !b_layout || !c_layout || !d_layout || !alpha || !beta || !a || !b ||
      !d) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const Product product = read(desc, a_layout, b_layout, c_layout, d_layout);
  const cublasStatus_t status = status_of(product);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const ProductData data{
      a, b, c, d, read_scale(alpha, product.desc.scale), read_scale(beta, product.desc.scale)};
  if ((data.beta != 0 && c == nullptr) || (workspace_bytes > 0 && workspace == nullptr)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }

  // Without an algorithm the library chooses one that suits the given pointers.
  MatmulPreference own;
  own.workspace_bytes = workspace_bytes;
  for (uint32_t& alignment : own.alignment) alignment = 1;
  Algorithm algorithm{};
  if (algo == nullptr) {
    algorithm = choose_algorithms(product, own).at(0);
  } else {
    const cublasStatus_t known = read_algorithm(algorithm, *algo, product);
    if (known != CUBLAS_STATUS_SUCCESS) return known;
  }
  if (algorithm.workspace_bytes > workspace_bytes) return CUBLAS_STATUS_INVALID_VALUE;
  const size_t used = algorithm.workspace_bytes;
  // The whole workspace on offer must exist: another version's algorithm may use all of it.
  check_memory(product, algorithm, data,
               {"the workspace", workspace, workspace_bytes, kWorkspaceAlignment});
  double milliseconds = 0;
  if (algorithm.number < offers().size()) {
    ++offers()[algorithm.number].count;
    milliseconds = offers()[algorithm.number].milliseconds;
  }
  queue_launch(stream, "cublasLtMatmul", [=] {
    pass_time(milliseconds);
    const DeviceAccess access;
    if (used > 0) std::memset(workspace, 0xff, used);
    multiply(product, data, algorithm.sums);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
