// SPDX-License-Identifier: Apache-2.0
// One zeroed allocation on the host or on a GPU.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace sy {

enum class MemoryKind : uint8_t {
  host,    // pages of this process
  pinned,  // host pages that the GPU copies to and from asynchronously
  device,  // GPU memory; the host reaches it only through copies (transfer.h)
  shared,  // host pages that the GPU reads and writes in place, for tests
};

class Memory {
 public:
  Memory() = default;
  // `bytes` zero bytes, aligned to 64. `owner` names the purpose in the error message. Throws
  // RuntimeFailure if memory is short, and ConfigError for GPU memory in a program without the CUDA
  // backend.
  Memory(MemoryKind kind, int64_t bytes, const std::string& owner);
  ~Memory();
  Memory(Memory&& other) noexcept { swap(other); }
  Memory& operator=(Memory&& other) noexcept {
    swap(other);
    return *this;
  }

  void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  void swap(Memory& other) {
    std::swap(kind_, other.kind_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  MemoryKind kind_ = MemoryKind::host;
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

// The process's resident bytes, libraries included; 0 where /proc is not available.
int64_t resident_bytes();

// Implemented in memory_cuda.cpp. Returns zeroed memory, or null if memory is short.
void* allocate_cuda_memory(MemoryKind kind, int64_t bytes);
void free_cuda_memory(MemoryKind kind, void* data);

}  // namespace sy
