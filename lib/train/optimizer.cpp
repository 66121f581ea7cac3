#include "lib/train/optimizer.h"

#include "lib/train/adafactor.h"
#include "lib/train/adamw.h"

namespace sy {

std::unique_ptr<Optimizer> make_optimizer(const OptimizerSection& config, ParamStore& params) {
  if (config.name == OptimizerName::adamw) return std::make_unique<AdamWOptimizer>(config, params);
  return std::make_unique<AdafactorOptimizer>(config, params);
}

}  // namespace sy
