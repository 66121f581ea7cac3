// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

#include "lib/base/error.h"

namespace sy {
namespace {

// mmap returns zero pages, backed by huge pages where they pay; nothing is resident before it is
// first touched.
void* allocate_host_memory(int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

}  // namespace

Memory::Memory(MemoryKind kind, int64_t bytes, const std::string& owner)
    : kind_(kind), bytes_(bytes) {
  if (bytes == 0) return;
  data_ =
      kind == MemoryKind::host ? allocate_host_memory(bytes) : allocate_cuda_memory(kind, bytes);
  if (data_ != nullptr) return;
  throw RuntimeFailure(
      fmt::format("cannot allocate {} MiB{} for {}: lower train.micro_batch or the model's size",
                  bytes >> 20, kind == MemoryKind::device ? " of GPU memory" : "", owner));
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  if (kind_ == MemoryKind::host) {
    munmap(data_, static_cast<size_t>(bytes_));
  } else {
    free_cuda_memory(kind_, data_);
  }
}

int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t mapped = 0, resident = 0;
  statm >> mapped >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace sy
