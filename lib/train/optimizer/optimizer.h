// The optimiser as the trainer sees it: one state for each parameter, an update of all of them in
// place.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/model/param.h"
#include "lib/tensor/arena.h"
#include "lib/tensor/exec.h"

namespace sy {

// A tensor of optimiser state, for the checkpoint. Its placement is its own: it follows the
// parameter's here, but nothing outside the optimiser relies on it. State divided over the ranks
// that hold the same parameter (ZeRO) would be one more MeshAxis, which cuts the state alone: the
// update then works on the state's slab of value and gradient and gathers the values, and the
// checkpoint follows the placement as it is.
struct OptimizerTensor {
  std::string name;  // "optimizer/PARAMETER/row"
  Placement placement;
  Tensor value;  // local: of the extent of placement's slab
  Shape global;
};

struct Update {
  int64_t step = 1;          // counts from 1
  double learning_rate = 0;  // of the schedule
  Tensor clip;  // of the gradients, as kernels/grad_clip/grad_clip.h leaves it; empty: none
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Measures or carves the state (see arena.h), after the parameters' own regions.
  virtual void plan(Arena& arena) = 0;

  // Updates every parameter's value from its gradient. The gradients are read, not cleared.
  virtual void apply(Exec& exec, const Update& update) = 0;

  virtual const std::vector<OptimizerTensor>& state() const = 0;
};

// `params` must outlive the optimiser.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerSection& config, ParamStore& params);

}  // namespace sy
