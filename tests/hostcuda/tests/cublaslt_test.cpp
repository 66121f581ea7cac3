// SPDX-License-Identifier: Apache-2.0
// cuBLASLt on the host: products against their definition, and what it refuses or reports. The
// shapes and dtypes that the program uses are tested in tests/kernels/gemm_test.cpp.
#include <cublasLt.h>

#include <cmath>
#include <cstdlib>

#include "tests/hostcuda/tests/support.h"

namespace sy::test {
namespace {

constexpr size_t kWorkspace = 1 << 20;

#define LT_OK(call) REQUIRE((call) == CUBLAS_STATUS_SUCCESS)

// [rows, cols] column-major with `ld`, `batch` of them `stride` apart.
struct Layout {
  Layout(cudaDataType type, uint64_t rows, uint64_t cols, int64_t ld, int32_t batch = 1,
         int64_t stride = 0) {
    LT_OK(cublasLtMatrixLayoutCreate(&handle, type, rows, cols, ld));
    LT_OK(cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch,
                                           sizeof(batch)));
    LT_OK(cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                           &stride, sizeof(stride)));
  }
  ~Layout() { cublasLtMatrixLayoutDestroy(handle); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  operator cublasLtMatrixLayout_t() const { return handle; }
  cublasLtMatrixLayout_t handle = nullptr;
};

// A float32 product of two untransposed matrices.
struct Library {
  Library() {
    LT_OK(cublasLtCreate(&handle));
    LT_OK(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    LT_OK(cublasLtMatmulPreferenceCreate(&preference));
    const uint64_t bytes = kWorkspace;
    LT_OK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                               &bytes, sizeof(bytes)));
  }
  ~Library() {
    cublasLtMatmulPreferenceDestroy(preference);
    cublasLtMatmulDescDestroy(desc);
    cublasLtDestroy(handle);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void set(cublasLtMatmulDescAttributes_t attribute, int32_t value) const {
    LT_OK(cublasLtMatmulDescSetAttribute(desc, attribute, &value, sizeof(value)));
  }
  void prefer(cublasLtMatmulPreferenceAttributes_t attribute, uint32_t value) const {
    LT_OK(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)));
  }
  cublasStatus_t choose(cublasLtMatmulAlgo_t* algo, const Layout& a, const Layout& b,
                        const Layout& d) const {
    cublasLtMatmulHeuristicResult_t best;
    int found = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, desc, a, b, d, d, preference, 1, &best, &found);
    if (found > 0) *algo = best.algo;
    return status;
  }

  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
};

// d [2, 2] = a [2, 3] b [3, 2] in float32; tests change members before they run it.
struct Small {
  Library library;
  Layout a_layout{CUDA_R_32F, 2, 3, 2}, b_layout{CUDA_R_32F, 3, 2, 3},
      d_layout{CUDA_R_32F, 2, 2, 2};
  Device<float> a{counting<float>(64)}, b{counting<float>(64)}, d{counting<float>(64)};
  Device<char> workspace{kWorkspace};
  Stream stream;
  float alpha = 1, beta = 0;
  cublasLtMatmulAlgo_t algo{};

  Small() { LT_OK(library.choose(&algo, a_layout, b_layout, d_layout)); }
  cublasStatus_t run(const float* a_at, float* d_at, void* space, size_t bytes) const {
    return cublasLtMatmul(library.handle, library.desc, &alpha, a_at, a_layout, b, b_layout, &beta,
                          d_at, d_layout, d_at, d_layout, &algo, space, bytes, stream);
  }
  cublasStatus_t run() const { return run(a, d, workspace, kWorkspace); }
};

TEST_CASE("cublaslt: alpha, beta, transposes, strides and batches", "[cublaslt]") {
  const int32_t transpose_a = GENERATE(0, 1), transpose_b = GENERATE(0, 1);
  const int m = 37, n = 11, k = 19, batch = 3, gap = 5;
  const auto layout = [&](int rows, int cols, bool turned) {
    if (turned) std::swap(rows, cols);
    return std::make_unique<Layout>(CUDA_R_32F, rows, cols, rows + 2, batch,
                                    (rows + 2) * cols + gap);
  };
  const auto index = [](int rows, int cols, bool turned, int entry, int i, int j) {
    if (turned) std::swap(rows, cols), std::swap(i, j);
    return static_cast<size_t>(entry * ((rows + 2) * cols + gap) + i + j * (rows + 2));
  };
  const bool turn_a = transpose_a != 0, turn_b = transpose_b != 0;
  const auto numbers = [](size_t count, int step) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
      values[i] = static_cast<float>(static_cast<int>(i) * step % 13 - 6);
    }
    return values;
  };
  const std::vector<float> a = numbers(5000, 5), b = numbers(5000, 7), c = numbers(5000, 3);
  const Library library;
  library.set(CUBLASLT_MATMUL_DESC_TRANSA, transpose_a);
  library.set(CUBLASLT_MATMUL_DESC_TRANSB, transpose_b);
  const auto a_layout = layout(m, k, turn_a), b_layout = layout(k, n, turn_b);
  const auto d_layout = layout(m, n, false);
  const Device<float> a_device(a), b_device(b), d_device(c);
  const Stream stream;
  const float alpha = 2, beta = GENERATE(0.0f, -1.0f);
  LT_OK(cublasLtMatmul(library.handle, library.desc, &alpha, a_device, *a_layout, b_device,
                       *b_layout, &beta, d_device, *d_layout, d_device, *d_layout, nullptr, nullptr,
                       0, stream));
  std::vector<float> expected = c;
  for (int entry = 0; entry < batch; ++entry) {
    for (int i = 0; i < m * n; ++i) {
      float sum = 0;
      for (int p = 0; p < k; ++p) {
        sum += a[index(m, k, turn_a, entry, i % m, p)] * b[index(k, n, turn_b, entry, p, i / m)];
      }
      float& out = expected[index(m, n, false, entry, i % m, i / m)];
      out = alpha * sum + beta * out;
    }
  }
  CHECK(d_device.read(stream) == expected);  // exact integers, and nothing outside D is written
}

TEST_CASE("cublaslt: alpha and beta are read when called, C is not read for beta 0", "[cublaslt]") {
  Small small;
  const Device<float> nan(std::vector<float>(64, NAN));  // aligned as the default promises
  LT_OK(small.run(small.a, nan, small.workspace, kWorkspace));
  small.alpha = NAN;
  std::vector<float> out = nan.read(small.stream);
  out.resize(4);
  CHECK(out == std::vector<float>{10, 13, 28, 40});
}

TEST_CASE("cublaslt: RELU applies after alpha and beta, and to NaN", "[cublaslt]") {
  Small small;
  small.library.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU);
  CHECK(small.run() == CUBLAS_STATUS_NOT_SUPPORTED);  // chosen without an epilogue
  LT_OK(small.library.choose(&small.algo, small.a_layout, small.b_layout, small.d_layout));
  small.alpha = -1;
  small.beta = 20;  // of 0, 1, 2, 3; a b is 10, 13, 28, 40
  LT_OK(small.run());
  std::vector<float> out = small.d.read(small.stream);
  out.resize(5);
  CHECK(out == std::vector<float>{0, 7, 12, 20, 4});
  small.alpha = NAN;
  LT_OK(small.run());
  CHECK(small.d.read(small.stream)[0] == 0);
  small.library.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_GELU);
  CHECK(small.run() == CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_CASE("cublaslt: sizes and dtypes that do not match are refused", "[cublaslt]") {
  Small small;
  cublasLtMatmulAlgo_t algo;
  const auto choose = [&](const Layout& a, const Layout& b, const Layout& d) {
    return small.library.choose(&algo, a, b, d);
  };
  const Layout &a = small.a_layout, &b = small.b_layout, &d = small.d_layout;
  CHECK(choose(a, b, d) == CUBLAS_STATUS_SUCCESS);
  CHECK(choose({CUDA_R_32F, 2, 3, 1}, b, d) == CUBLAS_STATUS_INVALID_VALUE);  // ld below rows
  CHECK(choose({CUDA_R_32F, 2, 4, 2}, b, d) == CUBLAS_STATUS_INVALID_VALUE);  // another k
  CHECK(choose(a, b, {CUDA_R_32F, 2, 3, 2}) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(choose({CUDA_R_32F, 2, 3, 2, 2, 6}, b, d) == CUBLAS_STATUS_INVALID_VALUE);  // batches
  CHECK(choose({CUDA_R_16BF, 2, 3, 2}, b, d) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(choose(a, b, {CUDA_R_16BF, 2, 2, 2}) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(choose({CUDA_R_64F, 2, 3, 2}, {CUDA_R_64F, 3, 2, 3}, {CUDA_R_64F, 2, 2, 2}) ==
        CUBLAS_STATUS_NOT_SUPPORTED);
  const int64_t wide = 0;
  CHECK(cublasLtMatmulDescSetAttribute(small.library.desc, CUBLASLT_MATMUL_DESC_TRANSA, &wide,
                                       sizeof(wide)) == CUBLAS_STATUS_INVALID_VALUE);
}

TEST_CASE("cublaslt: workspace and algorithm are checked", "[cublaslt]") {
  Small small;
  CHECK(small.run() == CUBLAS_STATUS_SUCCESS);
  CHECK(small.run(small.a, small.d, nullptr, kWorkspace) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(small.run(small.a, small.d, small.workspace, 0) == CUBLAS_STATUS_INVALID_VALUE);
  small.library.set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  const Layout turned(CUDA_R_32F, 3, 2, 3);
  const float one = 1, zero = 0;
  const auto multiply = [&](const cublasLtMatmulAlgo_t& algo) {
    return cublasLtMatmul(small.library.handle, small.library.desc, &one, small.a, turned, small.b,
                          small.b_layout, &zero, small.d, small.d_layout, small.d, small.d_layout,
                          &algo, small.workspace, kWorkspace, small.stream);
  };
  CHECK(multiply(small.algo) == CUBLAS_STATUS_NOT_SUPPORTED);  // chosen for other transposes
  CHECK(multiply({}) == CUBLAS_STATUS_INVALID_VALUE);
}

TEST_CASE("cublaslt: broken promises about pointers are reported", "[cublaslt]") {
  check_reported({"cublasLtMatmul: A", "not aligned to the 256 bytes"}, [] {
    Small small;
    small.run(small.a + 1, small.d, small.workspace, kWorkspace);
  });
  check_reported({"cublasLtMatmul: the workspace", "not aligned to the 256 bytes"}, [] {
    Small small;
    small.run(small.a, small.d, small.workspace + 16, kWorkspace - 16);
  });
  check_reported({"cublasLtMatmul: the workspace", "not within memory of the CUDA runtime"}, [] {
    Small small;
    small.run(small.a, small.d, small.workspace, kWorkspace + 1);
  });
  check_reported({"cublasLtMatmul: D", "not within memory of the CUDA runtime"}, [] {
    Small small;
    alignas(256) static float host[4];
    small.run(small.a, host, small.workspace, kWorkspace);
  });
  check_reported({"cublasLtMatmul: D overlaps A"}, [] {
    Small small;
    small.run(small.a, small.a, small.workspace, kWorkspace);
  });
  check_reported({"attribute 5 is not supported"}, [] {
    const Library library;
    library.set(CUBLASLT_MATMUL_DESC_TRANSC, CUBLAS_OP_T);
  });
}

// The worst that the mask permits: 1 + 2^-8 + 2^-8, rounded in between, is 1.
TEST_CASE("cublaslt: partial sums are rounded only if that is allowed", "[cublaslt]") {
  const uint32_t mask = GENERATE(2u, 7u);
  const Library library;
  library.prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, mask);
  const Layout a(CUDA_R_16BF, 1, 4, 1), b(CUDA_R_16BF, 4, 1, 4), d(CUDA_R_16BF, 1, 1, 1);
  const uint16_t one = 0x3f80, small = 0x3b80;  // 2^-8
  const Device<uint16_t> left(std::vector<uint16_t>{one, small, small, 0});
  const Device<uint16_t> right(std::vector<uint16_t>{one, one, one, one});
  const Device<uint16_t> out(1);
  const Device<char> workspace(kWorkspace);
  const Stream stream;
  cublasLtMatmulAlgo_t algo;
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES}) {
    library.prefer(attribute, 2);
  }
  LT_OK(library.choose(&algo, a, b, d));
  const float alpha = 1, beta = 0;
  LT_OK(cublasLtMatmul(library.handle, library.desc, &alpha, left, a, right, b, &beta, out, d, out,
                       d, &algo, workspace, kWorkspace, stream));
  CHECK(out.read(stream)[0] == (mask == 2 ? 0x3f81 : one));
}

TEST_CASE("cublaslt: no algorithm for unaligned columns of bfloat16, where there is to be none",
          "[cublaslt]") {
  const Library library;
  cublasLtMatmulAlgo_t algo{};
  const Layout even(CUDA_R_16BF, 16, 16, 16), odd(CUDA_R_16BF, 15, 16, 15);
  const Layout wide(CUDA_R_16BF, 15, 16, 16), floats(CUDA_R_32F, 15, 16, 15);
  const Layout square(CUDA_R_32F, 16, 16, 16);
  CHECK(library.choose(&algo, odd, even, odd) == CUBLAS_STATUS_SUCCESS);
  setenv("SWITCHYARD_HOSTCUDA_CUBLASLT", "aligned", 1);
  CHECK(library.choose(&algo, odd, even, odd) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(library.choose(&algo, wide, even, odd) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(library.choose(&algo, wide, even, floats) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(library.choose(&algo, wide, even, wide) == CUBLAS_STATUS_SUCCESS);
  CHECK(library.choose(&algo, floats, square, floats) == CUBLAS_STATUS_SUCCESS);
  unsetenv("SWITCHYARD_HOSTCUDA_CUBLASLT");
}

}  // namespace
}  // namespace sy::test
