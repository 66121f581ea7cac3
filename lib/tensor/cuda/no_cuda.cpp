// SPDX-License-Identifier: Apache-2.0
// Stands in for the CUDA sources in a program built without the CUDA backend.
#include "lib/base/error.h"
#include "lib/tensor/cuda/cuda_device.h"
#include "lib/tensor/cuda/staged_copy_cuda.h"
#include "lib/tensor/memory.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

[[noreturn]] void throw_no_cuda() {
  throw ConfigError(
      "backend: cuda: this program was built without the CUDA backend; use backend: cpu or auto");
}

}  // namespace

void* allocate_cuda_memory(MemoryKind, int64_t) {
  throw_no_cuda();
}
void free_cuda_memory(MemoryKind, void*) {}

void copy_in_cuda(Exec&, void*, const void*, int64_t) {
  throw_no_cuda();
}
void synchronize_cuda(Exec&) {
  throw_no_cuda();
}

std::unique_ptr<PartClock> make_cuda_part_clock(Exec&) {
  throw_no_cuda();
}

struct CudaEventSlot {};
Readback::Cuda::Cuda() {
  throw_no_cuda();
}
Readback::Cuda::~Cuda() = default;
void Readback::Cuda::start(Exec&, const std::vector<Tensor>&, const std::vector<Tensor>&) {
  throw_no_cuda();
}
void Readback::Cuda::wait() {
  throw_no_cuda();
}

struct StagedUpload::Cuda {};
StagedUpload::StagedUpload(Exec&, int64_t) {
  throw_no_cuda();
}
StagedUpload::~StagedUpload() = default;
char* StagedUpload::next() {
  throw_no_cuda();
}
char* StagedUpload::send() {
  throw_no_cuda();
}

std::string why_no_cuda_device() {
  return "this program was built without the CUDA backend";
}
std::string use_cuda_device(int) {
  throw_no_cuda();
}
std::string cuda_device_name() {
  throw_no_cuda();
}
CudaDeviceId cuda_device_id() {
  throw_no_cuda();
}

}  // namespace sy
