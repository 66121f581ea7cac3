// SPDX-License-Identifier: Apache-2.0
// Memory of a GPU and of tests on one, and what Execs share.
#include <cuda_runtime_api.h>

#include <catch2/catch.hpp>

#include "kernels/gemm/gemm.h"
#include "lib/tensor/cuda/cuda_context.h"
#include "lib/tensor/transfer.h"
#include "tests/support/gradcheck.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

bool runs_here() {
  if (test_backend() == Backend::cuda) return true;
  skip("for the CUDA backend");
  return false;
}

TEST_CASE("cuda_memory: tests have pinned memory that the GPU uses in place", "[cuda_memory]") {
  if (!runs_here()) return;
  Owned tensor(DType::f32, {33});
  cudaPointerAttributes attributes;
  REQUIRE(cudaPointerGetAttributes(&attributes, tensor.data<float>()) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeHost);
  CHECK(attributes.devicePointer == tensor.data<float>());
  for (int i = 0; i < 33; ++i) CHECK(tensor.data<float>()[i] == 0);
}

TEST_CASE("cuda_memory: a GPU's memory begins as zeros", "[cuda_memory]") {
  if (!runs_here()) return;
  const auto exec = make_exec(1, 1);
  const Memory memory(MemoryKind::device, 4 * 33, "a test");
  std::vector<float> found(33, 1.0f);
  download(*exec, Tensor(found.data(), DType::f32, {33}), Tensor(memory.data(), DType::f32, {33}));
  CHECK(found == std::vector<float>(33));
}

TEST_CASE("cuda_memory: all Execs of a process share cuBLASLt's handle", "[cuda_memory]") {
  if (!runs_here()) return;
  const auto first = make_exec(1);  // with scratch for cuBLASLt's workspace
  const cublasLtHandle_t handle = cuda(*first).cublaslt_handle;
  {
    const auto second = make_exec(1, 1);
    CHECK(cuda(*second).cublaslt_handle == handle);
    CHECK(cuda(*second).compute != cuda(*first).compute);
  }
  Owned a = random_tensor(DType::f32, {5, 4}, 1), b = random_tensor(DType::f32, {4, 3}, 2);
  Owned c = zeros(DType::f32, {5, 3});
  gemm(*first, c, a, b);  // it outlives the second
  CHECK(c.data<float>()[0] != 0);
}

}  // namespace
}  // namespace sy
