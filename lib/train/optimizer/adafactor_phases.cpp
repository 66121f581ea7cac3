// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/adafactor_phases.h"

namespace sy {

void AdafactorPhases::add(const Param& param, bool factored,
                          const std::optional<AdafactorShard>& item, bool joint, bool divided) {
  const int64_t sum = adafactor_shard_sum_count(items_);
  const int64_t update = adafactor_shard_update_count(items_);
  if (item) items_.push_back(*item);
  if (!joint) return;
  divided_ |= divided;
  AdafactorJoint own;
  own.all = param.placement.slices(param.shape);
  if (item) {
    own.count = item->batch();
    own.first = param.slab.offset[0] + param.owned.first;
  }
  // The order of a matrix's numbers is that of adafactor_shard.h.
  const int64_t lines = item ? item->lines() : 0;
  own.start = sum + lines;
  own.stride = lines + 2;
  joint_sums_.push_back(own);
  if (factored) {
    own.start = update;
    own.stride = 1;
    joint_updates_.push_back(own);
  } else {
    ++own.start;
    joint_sums_.push_back(own);
  }
}

// Sums over ranks that update different experts, and puts the means in place.
void AdafactorPhases::complete(Exec& exec, const std::vector<AdafactorJoint>& joints,
                               Tensor numbers, Mesh& mesh) const {
  if (joints.empty()) return;
  ScratchScope scratch(exec);
  const Tensor gathered =
      scratch.take(DType::f64, {adafactor_joint_count(joints)}, "adafactor sums of experts");
  adafactor_joint_gather(exec, joints, numbers, gathered);
  {
    const ProfileScope profile(exec.profiler, Part::communication);
    if (divided_) mesh.replicas().all_reduce_sum(gathered, "adafactor of owners");
    mesh.expert().all_reduce_sum(gathered, "adafactor of experts");
  }
  adafactor_joint_mean(exec, joints, gathered, numbers);
}

void AdafactorPhases::apply(Exec& exec, const AdafactorStep& step, Mesh* mesh) const {
  if (items_.empty() && joint_sums_.empty()) return;
  SY_CHECK(mesh != nullptr, "Adafactor of sharded parameters without their mesh");
  ScratchScope scratch(exec);
  const Tensor sums =
      scratch.take(DType::f64, {adafactor_shard_sum_count(items_)}, "adafactor sums of shards");
  const Tensor updates = scratch.take(DType::f64, {adafactor_shard_update_count(items_)},
                                      "adafactor updates of shards");
  const auto over_ranks = [&](Tensor numbers) {
    if (numbers.numel() == 0 || !over_model_) return;
    const ProfileScope profile(exec.profiler, Part::communication);
    mesh->model().all_reduce_sum(numbers, "adafactor");
  };
  adafactor_shard_sums(exec, items_, step, sums);
  over_ranks(sums);
  complete(exec, joint_sums_, sums, *mesh);
  adafactor_shard_updates(exec, items_, step, sums, updates);
  over_ranks(updates);
  complete(exec, joint_updates_, updates, *mesh);
  adafactor_shard_write(exec, items_, step, sums, updates);
}

}  // namespace sy
