// In place of the CUDA runtime's part, in a program that is built without it.
#include "lib/base/error.h"
#include "lib/tensor/cuda_device.h"
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

std::string why_no_cuda_device() {
  return "this program was built without the CUDA backend";
}
std::string use_cuda_device(int) {
  throw_no_cuda();
}

}  // namespace sy
