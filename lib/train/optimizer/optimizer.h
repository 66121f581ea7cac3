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

// In each of these, `params` must outlive the optimiser.

// Adafactor without momentum, as T5 uses it (Shazeer & Stern 2018). The second moment of a matrix
// is factored into row and column means; that of a vector is kept whole. As in Mesh TensorFlow, a
// matrix with a side shorter than optimizer.factor_from (routers, relative biases) counts as a
// vector. Each expert's matrix is factored, clipped and scaled separately, so the update does not
// depend on how experts are spread over ranks.
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
