// SPDX-License-Identifier: Apache-2.0
// The interface of optimisers: state for each parameter, and an in-place update of all of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/tensor/arena.h"
#include "lib/tensor/exec.h"

namespace sy {

// A tensor of optimiser state, for checkpoints. It has a placement of its own, which currently
// follows that of the parameter; nothing outside the optimiser relies on this. It has a row for
// each slice of the parameter, or is as the parameter; a rank has what belongs to the slices that
// it owns.
struct OptimizerTensor {
  std::string name;  // "optimizer/PARAMETER/row"
  Placement placement;
  Tensor value;  // the owned slices of the local shard; without elements if there are none
  Shape global;
  const Param* param = nullptr;
};

struct Update {
  int64_t step = 1;          // counted from 1
  double learning_rate = 0;  // from the schedule
  Tensor clip;               // clip factor (kernels/grad_clip/grad_clip.h); empty: no clipping
  Mesh* mesh = nullptr;      // needed by Adafactor if sums of its step need several ranks
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Measures or carves the state (arena.h). The parameters must already be planned.
  virtual void plan(Arena& arena) = 0;

  // Updates the values that this rank owns from their gradients, and the bfloat16 copies along with
  // them. Gradients are not modified. Collective over the model ranks, which own the same slices,
  // and with optimizer.rms_over: tensor over all ranks.
  virtual void apply(Exec& exec, const Update& update) = 0;

  virtual const std::vector<OptimizerTensor>& state() const = 0;
};

// In each of these, `params` must outlive the optimiser.

// Adafactor without momentum, as T5 uses it (Shazeer & Stern 2018). The second moment of a matrix
// is factored into row and column means; that of a vector is kept whole. As in Mesh TensorFlow, a
// matrix with a side shorter than optimizer.factor_from (routers, relative biases) counts as a
// vector. Each expert's matrix is factored, clipped and scaled separately, so the update does not
// depend on how experts are spread over ranks; optimizer.rms_over: tensor clips and scales all
// experts together. The means of a matrix that is sharded over the model ranks are those of the
// whole matrix: two all-reduces per step, for all matrices together.
std::unique_ptr<Optimizer> make_adafactor(const OptimizerSection& config, ParamStore& params);

// AdamW (Loshchilov & Hutter 2019): two moments per parameter.
std::unique_ptr<Optimizer> make_adamw(const OptimizerSection& config, ParamStore& params);

// The one that config.name selects.
inline std::unique_ptr<Optimizer> make_optimizer(const OptimizerSection& config,
                                                 ParamStore& params) {
  return config.name == OptimizerName::adamw ? make_adamw(config, params)
                                             : make_adafactor(config, params);
}

}  // namespace sy
