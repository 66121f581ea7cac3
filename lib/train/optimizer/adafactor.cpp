// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor.h"

#include <algorithm>
#include <cmath>

#include "lib/train/optimizer/adafactor_phases.h"
#include "lib/train/optimizer/optimizer.h"

namespace sy {
namespace {

// Whether the slices of a parameter are factored, and the shape [batch, n, m] of the local or
// global tensor; of a vector, [batch, 1, n]. The batch are the slices, each of which is updated
// separately; the local ones are those that this rank owns.
struct Slices {
  bool factored = false;
  bool vector = false;
  Shape local, global;
};

Shape batched(const Param& param, const Shape& shape) {
  const int64_t batch = param.placement.slices(shape);
  const Shape slice = param.placement.slice_shape(shape);
  SY_CHECK(slice.rank() == 1 || slice.rank() == 2, "{} has shape {}", param.name, shape.str());
  return slice.rank() == 1 ? Shape{batch, 1, slice[0]} : Shape{batch, slice[0], slice[1]};
}

Slices slices_of(const Param& param, int64_t factor_from) {
  Slices slices;
  slices.local = batched(param, param.slab.extent);
  slices.local[0] = param.owned.count;
  slices.global = batched(param, param.shape);
  slices.vector = param.placement.slice_shape(param.shape).rank() == 1;
  slices.factored = !slices.vector && std::min(slices.global[1], slices.global[2]) >= factor_from;
  return slices;
}

// The placement of a [batch, length] moment that has the shards of axis `axis` of [batch, n, m].
Placement moment_placement(const Param& param, int axis) {
  const Placement& placement = param.placement;
  const bool expert = placement.cut_by(MeshAxis::expert);
  const int cut = placement.axis_of(MeshAxis::model) + (expert ? 0 : 1);  // of [batch, n, m]
  if (!placement.cut_by(MeshAxis::model) || cut != axis) return placement.only(MeshAxis::expert);
  return expert ? Placement::expert_and_model(1) : Placement::model(1);
}

// The bfloat16 copy of a parameter's own values in this shape, if it has one.
Tensor copy_of(const Param& param, const Shape& shape) {
  return param.has_copy() ? param.own_part(param.compute).view(shape) : Tensor();
}

// The arguments of the kernels are prepared along with the state, so that a step allocates nothing.
class Adafactor final : public Optimizer {
 public:
  Adafactor(const OptimizerSection& config, ParamStore& params)
      : config_(config), params_(params) {}

  void plan(Arena& arena) override;
  void apply(Exec& exec, const Update& update) override;
  const std::vector<OptimizerTensor>& state() const override { return state_; }

 private:
  void add_factored(Arena& arena, const Param& param, const Slices& slices);
  void add_whole(Arena& arena, const Param& param, const Slices& slices);
  bool is_joint(const Param& param) const;
  bool in_phases(const Param& param) const;
  void add_to_phases(const Param& param, const Slices& slices, AdafactorShard item);

  OptimizerSection config_;
  ParamStore& params_;
  std::vector<AdafactorMatrix> matrices_;
  std::vector<AdafactorVector> vectors_;
  AdafactorPhases shards_{true};    // of parameters that are sharded over the model ranks
  AdafactorPhases experts_{false};  // whole ones, if their root mean squares are joint
  std::vector<OptimizerTensor> state_;
};

void Adafactor::plan(Arena& arena) {
  matrices_.clear();
  vectors_.clear();
  shards_ = AdafactorPhases(true);
  experts_ = AdafactorPhases(false);
  state_.clear();
  for (const Param& param : params_.all()) {
    const Slices slices = slices_of(param, config_.factor_from);
    if (slices.factored) {
      add_factored(arena, param, slices);
    } else {
      add_whole(arena, param, slices);
    }
  }
}

void Adafactor::add_factored(Arena& arena, const Param& param, const Slices& slices) {
  const auto take = [&](const char* name, int axis) {
    const std::string full = "optimizer/" + param.name + name;
    const Shape local{slices.local[0], slices.local[axis]};
    const Tensor moment = arena.take(param.master.dtype(), local, full);
    state_.push_back({full,
                      moment_placement(param, axis),
                      moment,
                      {slices.global[0], slices.global[axis]},
                      &param});
    return moment;
  };
  const Tensor row = take("/row", 1), col = take("/col", 2);
  if (in_phases(param)) return add_to_phases(param, slices, {{}, {}, row, col, {}, {}});
  if (param.owned.count == 0) return;
  matrices_.push_back({param.master.view(slices.local), row, col,
                       param.own_part(param.grad).view(slices.local),
                       copy_of(param, slices.local)});
}

// The moments of a vector are [batch, n]; those of a matrix that is not factored have its shape.
void Adafactor::add_whole(Arena& arena, const Param& param, const Slices& slices) {
  const std::string name = "optimizer/" + param.name + "/second";
  const Shape flat{slices.local[0], slices.local[1] * slices.local[2]};
  const Tensor second =
      arena.take(param.master.dtype(), slices.vector ? flat : param.master.shape(), name);
  const Shape flat_global{slices.global[0], slices.global[1] * slices.global[2]};
  const Placement& placement = slices.vector ? moment_placement(param, 2) : param.placement;
  state_.push_back({name, placement, second, slices.vector ? flat_global : param.shape, &param});
  if (in_phases(param)) return add_to_phases(param, slices, {{}, {}, {}, {}, second, {}});
  if (param.owned.count == 0) return;
  vectors_.push_back({param.master.view(flat), second.view(flat),
                      param.own_part(param.grad).view(flat), copy_of(param, flat)});
}

// Whether an update is clipped and scaled by root mean squares of all experts.
bool Adafactor::is_joint(const Param& param) const {
  return config_.rms_over == RmsOver::tensor && param.placement.cut_by(MeshAxis::expert);
}

// Whether the sums of a step need other ranks or other experts.
bool Adafactor::in_phases(const Param& param) const {
  return param.placement.cut_by(MeshAxis::model) || is_joint(param);
}

// `item` has the moments alone.
void Adafactor::add_to_phases(const Param& param, const Slices& slices, AdafactorShard item) {
  const bool joint = is_joint(param);
  const bool divided = params_.regions()[params_.region_of(param)].is_spread();
  AdafactorPhases& phases = param.placement.cut_by(MeshAxis::model) ? shards_ : experts_;
  if (param.owned.count == 0) return phases.add(param, slices.factored, {}, joint, divided);
  item.value = param.master.view(slices.local);
  item.grad = param.own_part(param.grad).view(slices.local);
  item.rounded = copy_of(param, slices.local);
  if (!item.factored()) item.second = item.second.view(slices.local);
  item.by_rows = slices.local[1] != slices.global[1];
  const int side = item.by_rows ? 1 : 2;
  item.shards = param.shape.numel() == 0 ? 1 : slices.global[side] / slices.local[side];
  phases.add(param, slices.factored, item, joint, divided);
}

void Adafactor::apply(Exec& exec, const Update& update) {
  AdafactorStep step;
  step.learning_rate = update.learning_rate;
  const int64_t counted =
      update.step > config_.step_offset ? update.step - config_.step_offset : update.step;
  step.decay = 1.0 - std::pow(static_cast<double>(counted), -config_.decay_exponent);
  step.update_clip = config_.update_clip;
  step.clip = update.clip;
  step.weight_decay = config_.weight_decay;
  adafactor_matrices(exec, matrices_, step);
  adafactor_vectors(exec, vectors_, step);
  shards_.apply(exec, step, update.mesh);
  experts_.apply(exec, step, update.mesh);
}

}  // namespace

std::unique_ptr<Optimizer> make_adafactor(const OptimizerSection& config, ParamStore& params) {
  return std::make_unique<Adafactor>(config, params);
}

}  // namespace sy
