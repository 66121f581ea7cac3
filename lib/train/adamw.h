// AdamW (Loshchilov & Hutter 2019), two moments a parameter.
#pragma once

#include "lib/train/optimizer.h"

namespace sy {

class AdamWOptimizer final : public Optimizer {
 public:
  AdamWOptimizer(const OptimizerSection& config, ParamStore& params);

  void plan(Arena& arena) override;
  void apply(Exec& exec, const Update& update) override;
  const std::vector<OptimizerTensor>& state() const override { return state_; }

 private:
  struct Slot {
    Param* param;
    Tensor first, second;
  };

  OptimizerSection config_;
  std::vector<Slot> slots_;
  std::vector<OptimizerTensor> state_;
};

}  // namespace sy
