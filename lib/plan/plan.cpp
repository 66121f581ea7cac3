// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/plan.h"

#include "lib/train/checkpointing.h"

namespace sy {
namespace {

int64_t stored_bytes(const std::vector<CheckpointTensor>& saved) {
  int64_t bytes = 0;
  for (const CheckpointTensor& tensor : saved) {
    bytes += tensor.global.numel() * static_cast<int64_t>(size_of(tensor.local.dtype()));
  }
  return bytes;
}

}  // namespace

int64_t Plan::working_bytes() const {
  return total_bytes(memory, on_gpu);
}

std::vector<std::string> Plan::not_included() const {
  std::vector<std::string> parts{"shuffled text"};
  if (on_gpu) parts.insert(parts.end(), {"buffers inside NCCL", "the CUDA context"});
  if (!config.distill.teacher.empty()) {
    parts.emplace_back("the teacher (distill.teacher), in memory and time");
  }
  if (!config.data.tasks.empty()) {
    parts.emplace_back("decoding in evaluations (data.tasks), in memory and time");
  }
  return parts;
}

Plan make_plan(const PlanInput& input, const std::optional<Device>& device) {
  RankPlan first(input, 0);
  const TrainStep::Memory most = largest_memory(input, first);
  const std::vector<CheckpointTensor> saved =
      checkpoint_tensors(first.session, &first.step.optimizer());
  Plan plan;
  plan.config = first.session.config;
  plan.shape = input.shape;
  plan.threads = input.threads;
  plan.on_gpu = input.on_gpu;
  plan.micro_batches = first.session.micro_batches();
  const ModelSection& model = plan.config.model;
  const DataSection& data = plan.config.data;
  plan.parameters = count_parameters(first.session.model.params(), model.experts);
  plan.flops_per_sequence =
      SwitchModel::flops_per_sequence(model, data.encoder_length, data.decoder_length.value);
  plan.kaplan_flops =
      SwitchModel::kaplan_flops_per_sequence(model, data.encoder_length, data.decoder_length.value);
  plan.memory = memory_regions(input, first, most, device);
  plan.wire = first.step.traffic();
  plan.checkpoint_bytes = stored_bytes(saved);
  plan.device = device;
  if (device) plan.time = estimate_step(input, first, most, *device);
  return plan;
}

}  // namespace sy
