// Where and how operations run: backend, threads, scratch, and the caches an operation keeps
// between calls. One Exec per rank; every op takes it first.
#pragma once

#include <memory>
#include <typeindex>
#include <unordered_map>

#include "lib/tensor/memory.h"
#include "lib/tensor/profiler.h"
#include "lib/tensor/scratch.h"

namespace sy {

enum class Backend : uint8_t { cpu, cuda };

constexpr const char* name_of(Backend backend) {
  return backend == Backend::cuda ? "cuda" : "cpu";
}

struct Exec {
  Backend backend = Backend::cpu;
  MemoryKind memory = MemoryKind::host;  // of the regions and scratch that its ops work in
  int threads = 1;                       // OpenMP threads of this rank
  // While planning, ops check shapes and take their scratch but compute nothing.
  bool planning = false;
  ScratchStack scratch;
  Profiler profiler;

  // The one object of type T that lives as long as this Exec (primitive caches, streams), made on
  // first use.
  template <class T>
  T& state() {
    std::shared_ptr<void>& slot = states_[std::type_index(typeid(T))];
    if (!slot) slot = std::make_shared<T>();
    return *static_cast<T*>(slot.get());
  }

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> states_;
};

// A frame of the scratch stack: what it took is given back at the end of the block.
class ScratchScope {
 public:
  explicit ScratchScope(Exec& exec) : exec_(exec), top_(exec.scratch.top()) {}
  ~ScratchScope() { exec_.scratch.pop_to(top_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

  // Uninitialised memory, aligned to 64 bytes; no memory while planning.
  Tensor take(DType dtype, Shape shape, const char* label) {
    return exec_.scratch.push(dtype, shape, label);
  }

 private:
  Exec& exec_;
  int64_t top_;
};

// The CUDA runtime's part (cuda_part_clock.cpp).
std::unique_ptr<PartClock> make_cuda_part_clock(Exec& exec);

// Null on the CPU: the host's. The exec's backend does not change afterwards.
inline std::unique_ptr<PartClock> make_part_clock(Exec& exec) {
  return exec.backend == Backend::cuda ? make_cuda_part_clock(exec) : nullptr;
}

}  // namespace sy
