// SPDX-License-Identifier: Apache-2.0
// Where the memory of a rank goes, region by region, and how each number is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/measure/device.h"
#include "lib/plan/rank_plan.h"

namespace sy {

struct MemoryRegion {
  std::string name;  // "parameters"
  int64_t bytes = 0;
  bool on_device = false;  // of a GPU; else in the host's memory
  std::string source;      // how the number is known
};

// Of the rank that needs most of each. `planned` is largest_memory(). With input.on_gpu, regions
// that ops work in, and copies of the batch, lie in the GPU's memory. Evaluation adds its batches
// to those of training, and no region. What libraries allocate is as `device` has measured it, or
// else assumed. What no plan can know, such as buffers inside NCCL and the CUDA context, is not
// among them.
std::vector<MemoryRegion> memory_regions(const PlanInput& input, RankPlan& first,
                                         const TrainStep::Memory& planned,
                                         const std::optional<Device>& device);

int64_t total_bytes(const std::vector<MemoryRegion>& regions, bool on_device);

}  // namespace sy
