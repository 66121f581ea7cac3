// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/gpu_sharing.h"

#include <algorithm>
#include <vector>

#include "lib/tensor/cuda/cuda_device.h"

namespace sy {
namespace {

// What each rank tells the others.
struct Seat {
  CudaDeviceId device;
  int32_t local_ranks;
};
constexpr int64_t kWords = sizeof(Seat) / sizeof(int32_t);

}  // namespace

std::string gpu_sharing(Communicator& world, int local_ranks) {
  Seat mine{cuda_device_id(), local_ranks};
  std::vector<Seat> seats(static_cast<size_t>(world.size()));
  world.all_gather(Tensor(seats.data(), DType::i32, {world.size(), kWords}),
                   Tensor(&mine, DType::i32, {kWords}), "GPUs of the ranks");
  for (auto seat = seats.begin(); seat != seats.end(); ++seat) {
    const auto earlier = std::find_if(seats.begin(), seat, [&](const Seat& other) {
      return other.device.uuid == seat->device.uuid;
    });
    if (earlier == seat) continue;
    return fmt::format(
        "ranks {} and {} would share a GPU, which NCCL refuses: {} ranks on their node see {} {}; "
        "start at most one rank for each GPU of a node",
        earlier - seats.begin(), seat - seats.begin(), seat->local_ranks, seat->device.visible,
        seat->device.visible == 1 ? "GPU" : "GPUs");
  }
  return "";
}

}  // namespace sy
