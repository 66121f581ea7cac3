// Adafactor without momentum, as T5 uses it (Shazeer & Stern 2018). Matrices have a factored second
// moment (row and column means), vectors a full one, and so, as in Mesh TensorFlow, do matrices
// with a side below optimizer.factor_from (routers, relative biases). Each expert's matrix is
// factored, clipped and scaled on its own, so the update does not depend on how experts are spread.
#pragma once

#include "lib/train/optimizer.h"

namespace sy {

class AdafactorOptimizer final : public Optimizer {
 public:
  AdafactorOptimizer(const OptimizerSection& config, ParamStore& params);

  void plan(Arena& arena) override;
  void apply(Exec& exec, const Update& update) override;
  const std::vector<OptimizerTensor>& state() const override { return state_; }

 private:
  // Second moment of one parameter: row and col where it is factored, else all of it in row.
  struct Slot {
    Param* param;
    Tensor row, col;
  };

  OptimizerSection config_;
  std::vector<Slot> slots_;
  std::vector<OptimizerTensor> state_;
};

}  // namespace sy
