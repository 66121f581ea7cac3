// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/regions.h"

#include <algorithm>

#include "lib/base/numeric.h"
#include "lib/tensor/memory.h"

namespace sy {
namespace {

// The batches of `sequences` sequences in micro-batches, as StepBatch allocates them.
int64_t batch_bytes(const RunConfig& config, int64_t sequences) {
  Batch batch;
  const BatchShape shape{config.train.micro_batch,
                         {config.data.encoder_length, config.data.decoder_length.value}};
  return place_batch(batch, shape, nullptr) * ceil_div(sequences, config.train.micro_batch);
}

// The ids of the batches that the loader prepares ahead.
int64_t loader_bytes(const RunConfig& config, int64_t sequences) {
  const int64_t ids = config.data.encoder_length + config.data.decoder_length.value;
  return config.data.read_ahead_batches * sequences * ids * static_cast<int64_t>(sizeof(int32_t));
}

int64_t written_bytes(const std::vector<CheckpointTensor>& saved) {
  int64_t bytes = 0;
  for (const CheckpointTensor& tensor : saved) bytes += tensor.write ? tensor.local.bytes() : 0;
  return bytes;
}

// Of MPI, and of the code and copies that oneDNN makes, beyond what the program has before it
// starts MPI.
MemoryRegion libraries_region(int64_t program, const std::optional<Device>& device) {
  // With AVX-512; without it oneDNN copies operands and has about 20 MiB more.
  constexpr int64_t kAssumed = 8 << 20;
  if (!device || device->unplanned_bytes == 0) {
    return {"libraries", kAssumed, false,
            "assumed: MPI's own memory and generated code, as measured on one host"};
  }
  const auto measured = static_cast<int64_t>(device->unplanned_bytes);
  return {"libraries", std::max<int64_t>(measured - program, 0), false,
          "measured beside a small model by doctor --json"};
}

// Open MPI receives a peer's gradients beside those that it adds them to. Those of the embedding,
// the first parameter, are complete last, when most other sums are done.
int64_t communication_bytes(const Traffic& traffic, const ParamStore& params) {
  int64_t bytes = 0;
  for (const auto& [key, count] : traffic.records()) {
    if (key.label == "gradients") bytes += count.bytes;
  }
  const int64_t last = std::min(bytes, params.all().front().slab.extent.numel() *
                                           static_cast<int64_t>(size_of(params.master_dtype())));
  return std::max(bytes - last, last);
}

}  // namespace

std::vector<MemoryRegion> memory_regions(const PlanInput& input, RankPlan& first,
                                         const TrainStep::Memory& planned,
                                         const std::vector<CheckpointTensor>& saved,
                                         const std::optional<Device>& device) {
  const bool on_gpu = input.on_gpu;
  const RunConfig& config = first.session.config;
  const int64_t sequences = first.session.sequences_per_rank();
  int64_t batches = batch_bytes(config, sequences);
  if (config.train.eval_every > 0) {
    batches += batch_bytes(
        config, ceil_div(config.train.eval_sequences, first.session.mesh.shape().data()));
  }
  const char* const exact = "planned: the trainer allocates exactly this";
  const char* const passes =
      input.backend == Backend::cuda
          ? "planned: high-water mark of a step of GPU kernels, with the GEMMs' workspaces"
          : "planned: high-water mark of a step of CPU kernels, with the GEMMs' workspaces";
  std::vector<MemoryRegion> regions{
      {"parameters", planned.model.parameters, on_gpu, exact},
      {"gradients", planned.model.gradients, on_gpu, exact},
      {"optimizer", planned.optimizer, on_gpu, exact},
      {"activations", planned.model.activations, on_gpu, exact},
      {"scratch", planned.model.scratch, on_gpu, passes},
      {"batches", batches, false, "computed: training and evaluation batches"}};
  if (on_gpu) {
    regions.push_back({"batch_copies", 2 * batches, true, "computed: two sets, in turn"});
  }
  regions.push_back({"loader", loader_bytes(config, sequences), false,
                     "computed: examples read ahead; shuffled text comes on top"});
  regions.push_back({"checkpoint_staging", 2 * written_bytes(saved), false,
                     "computed: what rank 0 writes, twice: two checkpoints may be under way"});
  const int64_t program = resident_bytes();
  regions.push_back({"program", program, false,
                     "measured: this program with its libraries, before any training"});
  regions.push_back(libraries_region(program, device));
  if (!on_gpu) {
    const int64_t received =
        communication_bytes(first.step.traffic(), first.session.model.params());
    regions.push_back({"communication", received, false,
                       "estimated: where MPI receives the gradients that are summed at once"});
  }
  return regions;
}

int64_t total_bytes(const std::vector<MemoryRegion>& regions, bool on_device) {
  int64_t total = 0;
  for (const MemoryRegion& region : regions) {
    if (region.on_device == on_device) total += region.bytes;
  }
  return total;
}

}  // namespace sy
