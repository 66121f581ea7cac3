// SPDX-License-Identifier: Apache-2.0
// What a run will take, before it is paid for. Steps are of full length, also with
// data.bucket_batches.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/dist/traffic.h"
#include "lib/plan/parts.h"
#include "lib/plan/regions.h"
#include "lib/plan/step_time.h"

namespace sy {

struct Plan {
  RunConfig config;  // resolved
  MeshShape shape;
  int threads = 1;
  bool on_gpu = false;
  int64_t micro_batches = 0;  // a rank and step
  ParameterCount parameters;
  double flops_per_sequence = 0;  // forward and backward
  double kaplan_flops = 0;        // forward, as Kaplan et al. count
  std::vector<MemoryRegion> memory;
  Traffic wire;  // of rank 0 in a step
  int64_t checkpoint_bytes = 0;
  std::optional<Device> device;
  std::optional<StepTime> time;        // if there is a device
  std::optional<double> token_budget;  // input and target tokens

  // Bytes where the ops work: of the GPU, or else of the host, all regions of which count.
  int64_t working_bytes() const;

  // What a run takes beside all this: "shuffled text", "buffers inside NCCL", ...
  std::vector<std::string> not_included() const;
};

Plan make_plan(const PlanInput& input, const std::optional<Device>& device);

std::string plan_text(const Plan& plan);
Json plan_json(const Plan& plan);

// "1.50 GiB", and less than one of them in MiB or KiB.
std::string bytes_text(double bytes);

}  // namespace sy
