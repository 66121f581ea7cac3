// One zeroed allocation and where it lies.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace sy {

enum class MemoryKind : uint8_t {
  host,    // pages of this process
  pinned,  // of this process too, and copied to and from the GPU without it waiting
  device,  // the GPU's: the host reaches it by copies alone (transfer.h)
  shared,  // CUDA's managed memory, which both sides read and write: tests
};

class Memory {
 public:
  Memory() = default;
  // `bytes` zeroes, aligned to 64; `owner` is for the message. Throws RuntimeFailure when memory is
  // short, ConfigError for memory of a GPU in a program without the CUDA backend.
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

// Bytes of this process that are resident now, libraries included; 0 where /proc does not say.
int64_t resident_bytes();

// The CUDA runtime's part of it (memory_cuda.cpp): zeroed, or null when memory is short.
void* allocate_cuda_memory(MemoryKind kind, int64_t bytes);
void free_cuda_memory(MemoryKind kind, void* data);

}  // namespace sy
