#include "lib/train/optimizer/optimizer.h"

#include "lib/train/optimizer/optimizer_kinds.h"

namespace sy {

std::unique_ptr<Optimizer> make_optimizer(const OptimizerSection& config, ParamStore& params) {
  return config.name == OptimizerName::adamw ? make_adamw(config, params)
                                             : make_adafactor(config, params);
}

}  // namespace sy
