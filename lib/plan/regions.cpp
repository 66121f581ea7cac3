// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/regions.h"

#include <algorithm>

#include "kernels/gemm/gemm_shape.h"
#include "lib/base/numeric.h"
#include "lib/plan/staging.h"
#include "lib/plan/wire.h"
#include "lib/train/optimizer/param_buckets.h"

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

MemoryRegion staging_region(const RunConfig& config, RankPlan& first) {
  const int64_t sets = staging_sets(config);
  return {"checkpoint_staging", sets * most_written_bytes(first), false,
          sets == 1
              ? "computed: of the rank that writes most, once, at the end"
              : "computed: of the rank that writes most, twice: two checkpoints may be under way"};
}

// Of oneDNN's GEMMs, which a run keeps by shape. The shapes of most models are as many as those of
// the small model beside which the device's bytes are measured; dropless experts have hundreds.
int64_t bytes_of_gemms(Exec& exec) {
  constexpr int64_t kEach = 28 << 10, kOfSmallModel = 64;
  const auto shapes = static_cast<int64_t>(exec.state<GemmCounts>().size());
  return std::max<int64_t>(shapes - kOfSmallModel, 0) * kEach;
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

// Open MPI receives a peer's gradients beside those that it adds them to. Of sums that are in
// flight (MpiOptions) all that are at the same time: those of the embedding, the first parameter,
// are complete last, when most others are done.
int64_t received_in_flight(RankPlan& first, const MeshShape& shape, int64_t ranks_per_host) {
  const ParamStore& params = first.session.model.params();
  int64_t bytes = 0;
  for (const auto& [key, count] : first.step.traffic().records()) {
    const bool sums = key.label == "gradients" && !on_one_host(key.axis, shape, ranks_per_host);
    if (sums) bytes += count.bytes;
  }
  const int64_t last = std::min(bytes, params.all().front().slab.extent.numel() *
                                           static_cast<int64_t>(size_of(params.master_dtype())));
  return std::max(bytes - last, last);
}

// Of one sum at a time, a rank's share of it.
int64_t received_at_once(RankPlan& first) {
  const ParamStore& params = first.session.model.params();
  int64_t most = 0;
  for (size_t i = 0; i < params.regions().size(); ++i) {
    const ParamRegion& region = params.regions()[i];
    const int64_t ranks = first.session.mesh.reduction_group(region.axes).size();
    if (ranks == 1) continue;
    for (const ParamBucket& bucket : buckets_of(params, i, kBucketElements)) {
      const int64_t elements = ceil_div(bucket.elements.count, ranks);
      most = std::max(most, elements * static_cast<int64_t>(size_of(region.grads.dtype())));
    }
  }
  return most;
}

}  // namespace

std::vector<MemoryRegion> memory_regions(const PlanInput& input, RankPlan& first,
                                         const TrainStep::Memory& planned,
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
  regions.push_back(staging_region(config, first));
  regions.push_back({"program", input.program_bytes, false,
                     "measured: this program with its libraries, before any training"});
  MemoryRegion libraries = libraries_region(input.program_bytes, device);
  if (!on_gpu) libraries.bytes += bytes_of_gemms(first.runtime.exec);
  regions.push_back(libraries);
  if (!on_gpu) {
    const int64_t ranks_per_host = device ? device->ranks_per_host : 1;
    const int64_t received =
        std::max(received_in_flight(first, input.shape, ranks_per_host), received_at_once(first));
    regions.push_back({"communication", received, false,
                       "estimated: where MPI receives the gradients that are summed, of other "
                       "hosts all that are in flight"});
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
