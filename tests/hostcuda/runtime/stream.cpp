// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/runtime/stream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/device/shared_memory.h"
#include "tests/hostcuda/runtime/runtime.h"

namespace sy::hostcuda {
namespace {

constexpr unsigned kMaxBlock = 1024, kMaxBlockZ = 64, kMaxGridYZ = 65535, kMaxGridX = 0x7fffffff;

bool launchable(const KernelCall& call) {
  const dim3 &block = call.block, &grid = call.grid;
  const bool block_fits = block.x >= 1 && block.y >= 1 && block.z >= 1 && block.x <= kMaxBlock &&
                          block.y <= kMaxBlock && block.z <= kMaxBlockZ &&
                          block.x * block.y * block.z <= kMaxBlock;
  const bool grid_fits = grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= kMaxGridX &&
                         grid.y <= kMaxGridYZ && grid.z <= kMaxGridYZ;
  return block_fits && grid_fits && call.shared_bytes <= kSharedBytes;
}

bool launches_block() {
  const char* set = std::getenv("CUDA_LAUNCH_BLOCKING");
  return set != nullptr && std::strcmp(set, "1") == 0;
}

}  // namespace

Streams& streams() {
  static auto* the = new Streams;
  return *the;
}

void check_caller(const char* call) {
  if (running.work == nullptr) return;
  ((Message() << running) << " called " << call << ", which work on a stream must not").die();
}

CUstream_st& checked(cudaStream_t stream, const char* call) {
  check_caller(call);
  if (stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread) {
    (Message() << call << " on the default stream; pass a stream created with cudaStreamCreate")
        .die();
  }
  for (const auto& known : streams()) {
    if (known.get() == stream && !known->destroyed) return *known;
  }
  (Message() << call << " on a stream that does not exist, or no longer").die();
}

void queue(CUstream_st& stream, Entry entry) {
  stream.entries.push_back(std::move(entry));
}

void queue_host(cudaStream_t stream, std::string name, std::function<void()> work) {
  const std::lock_guard lock(runtime_mutex());
  queue(checked(stream, name.c_str()), {.name = name,
                                        .run =
                                            [work = std::move(work)] {
                                              work();
                                              return true;
                                            },
                                        .wait = nullptr});
}

void queue_launch(cudaStream_t stream, std::string name, std::function<void()> work) {
  const std::lock_guard lock(runtime_mutex());
  queue_host(stream, std::move(name), std::move(work));
  if (launches_block()) run_until_empty(*stream);
}

void queue_poll(cudaStream_t stream, std::string name, std::function<bool()> poll) {
  const std::lock_guard lock(runtime_mutex());
  queue(checked(stream, name.c_str()), {.name = name, .run = std::move(poll), .wait = nullptr});
}

cudaError_t queue_kernel(cudaStream_t stream, const KernelCall& call, std::function<void()> body) {
  const std::lock_guard lock(runtime_mutex());
  checked(stream, call.name);
  if (!launchable(call)) return cudaErrorInvalidConfiguration;
  queue_launch(stream, call.name, [call, body = std::move(body)] { run_kernel(call, body); });
  return cudaSuccess;
}

void check_pointer(const char* kernel, int argument, const void* pointer) {
  const std::lock_guard lock(runtime_mutex());
  if (pointer == nullptr || find_range(pointer, 0) != nullptr) return;
  (Message() << "kernel " << kernel << ": argument " << static_cast<size_t>(argument)
             << " points to address " << pointer << ", which is not memory of the device")
      .die();
}

}  // namespace sy::hostcuda
