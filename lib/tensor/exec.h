// SPDX-License-Identifier: Apache-2.0
// Where and how operations run: backend, threads, scratch memory, and caches that ops keep between
// calls. There is one Exec per rank; every op takes it as its first argument.
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
  MemoryKind memory = MemoryKind::host;  // kind of the regions and the scratch that ops work in
  int threads = 1;                       // OpenMP threads of this rank
  // While planning, ops check shapes and take their scratch but compute nothing.
  bool planning = false;
  ScratchStack scratch;
  Profiler profiler;

  // The one object of type T that lives as long as this Exec (primitive caches, streams). Created
  // at first use.
  template <class T>
  T& state() {
    std::shared_ptr<void>& slot = states_[std::type_index(typeid(T))];
    if (!slot) slot = std::make_shared<T>();
    return *static_cast<T*>(slot.get());
  }

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> states_;
};

// A frame of the scratch stack; releases what it took at the end of the block.
class ScratchScope {
 public:
  explicit ScratchScope(Exec& exec) : exec_(exec), top_(exec.scratch.top()) {}
  ~ScratchScope() { exec_.scratch.pop_to(top_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

  // Uninitialised memory, aligned to 64 bytes; a view without memory while planning.
  Tensor take(DType dtype, Shape shape, const char* label) {
    return exec_.scratch.push(dtype, shape, label);
  }

 private:
  Exec& exec_;
  int64_t top_;
};

// Implemented in cuda_part_clock.cpp.
std::unique_ptr<PartClock> make_cuda_part_clock(Exec& exec);

// The clock to pass to exec.profiler.enable(): the GPU's for CUDA, null for the CPU, which means
// the host's clock. The exec's backend must not change afterwards.
inline std::unique_ptr<PartClock> make_part_clock(Exec& exec) {
  return exec.backend == Backend::cuda ? make_cuda_part_clock(exec) : nullptr;
}

}  // namespace sy
