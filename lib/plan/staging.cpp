// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/staging.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "lib/train/checkpointing.h"

namespace sy {
namespace {

// A tensor of a checkpoint, as what any rank of the mesh has of it.
struct SavedTensor {
  MeshAxes axes;
  int64_t bytes = 0;                    // of a rank's slab, all slices of it
  const Param* param = nullptr;         // null: a buffer
  const ParamRegion* spread = nullptr;  // if owners share its slices out
};

SavedTensor saved_tensor(const ParamStore& params, const MeshPlace& place, const Param& param,
                         const Placement& placement, const CheckpointTensor& tensor) {
  const ParamRegion& region = params.regions()[params.region_of(param)];
  const int64_t bytes = placement.slab(tensor.global, place).numel() *
                        static_cast<int64_t>(size_of(tensor.local.dtype()));
  return {placement.axes(), bytes, &param, region.is_spread() ? &region : nullptr};
}

// In the order of checkpoint_tensors(), as ranks take turns by a tensor's number.
std::vector<SavedTensor> saved_tensors(RankPlan& first) {
  const std::vector<CheckpointTensor> all =
      checkpoint_tensors(first.session, &first.step.optimizer());
  const ParamStore& params = first.session.model.params();
  const MeshPlace& place = first.session.mesh.place();
  std::vector<SavedTensor> saved;
  for (const Param& param : params.all()) {
    saved.push_back(saved_tensor(params, place, param, param.placement, all[saved.size()]));
  }
  for (const Buffer& buffer : params.buffers()) {
    saved.push_back({Placement::replicated().axes(), buffer.value.bytes()});
  }
  for (const OptimizerTensor& state : first.step.optimizer().state()) {
    saved.push_back(saved_tensor(params, place, *state.param, state.placement, all[saved.size()]));
  }
  SY_CHECK(saved.size() == all.size(), "{} tensors of {} were counted", saved.size(), all.size());
  return saved;
}

// What ranks own of the regions that are spread: by region, the run of each rank.
using OwnRuns = std::map<const ParamRegion*, std::vector<RowRange>>;

OwnRuns own_runs(const ParamStore& params, const MeshShape& shape) {
  OwnRuns owned;
  for (const ParamRegion& region : params.regions()) {
    if (!region.is_spread()) continue;
    std::vector<RowRange>& runs = owned[&region];
    runs.resize(static_cast<size_t>(shape.ranks));
    for (int rank = 0; rank < shape.ranks; ++rank) {
      const std::vector<int> owners = reduction_ranks(region.axes, {shape, rank});
      const auto at = std::ranges::find(owners, rank) - owners.begin();
      runs[static_cast<size_t>(rank)] = region.runs[static_cast<size_t>(at)];
    }
  }
  return owned;
}

// Of the slices that lie in the run of a rank. Runs begin and end between slices.
int64_t owned_bytes(const SavedTensor& tensor, const RowRange& run) {
  const Param& param = *tensor.param;
  const int64_t size = param.slab.numel();
  const int64_t begin = std::max(run.first, param.offset);
  const int64_t end = std::min(run.first + run.count, param.offset + size);
  const double share =
      static_cast<double>(std::max<int64_t>(end - begin, 0)) / static_cast<double>(size);
  return std::llround(share * static_cast<double>(tensor.bytes));
}

}  // namespace

int64_t most_written_bytes(RankPlan& first) {
  const MeshShape& shape = first.session.mesh.shape();
  const std::vector<SavedTensor> saved = saved_tensors(first);
  const OwnRuns owned = own_runs(first.session.model.params(), shape);
  int64_t most = 0;
  for (int rank = 0; rank < shape.ranks; ++rank) {
    int64_t bytes = 0;
    for (size_t i = 0; i < saved.size(); ++i) {
      const bool spread = saved[i].spread != nullptr;
      if (!writes(saved[i].axes, {shape, rank}, static_cast<int64_t>(i), spread)) continue;
      bytes += spread ? owned_bytes(saved[i], owned.at(saved[i].spread)[static_cast<size_t>(rank)])
                      : saved[i].bytes;
    }
    most = std::max(most, bytes);
  }
  return most;
}

int64_t staging_sets(const RunConfig& config) {
  const TrainSection& train = config.train;
  const bool at_intervals = train.checkpoint_every > 0 && train.checkpoint_every < train.steps;
  const bool at_best = config.finetune.keep_best && !config.data.tasks.empty() &&
                       train.eval_every > 0 && train.eval_every < train.steps;
  return at_intervals || at_best ? 2 : 1;
}

}  // namespace sy
