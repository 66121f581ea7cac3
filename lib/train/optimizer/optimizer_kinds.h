// The optimisers there are, for make_optimizer(), which chooses one by its name.
#pragma once

#include "lib/train/optimizer/optimizer.h"

namespace sy {

// Adafactor without momentum, as T5 uses it (Shazeer & Stern 2018). Matrices have a factored second
// moment (row and column means), vectors a full one, and so, as in Mesh TensorFlow, do matrices
// with a side below optimizer.factor_from (routers, relative biases). Each expert's matrix is
// factored, clipped and scaled on its own, so the update does not depend on how experts are spread.
std::unique_ptr<Optimizer> make_adafactor(const OptimizerSection& config, ParamStore& params);

// AdamW (Loshchilov & Hutter 2019), two moments a parameter.
std::unique_ptr<Optimizer> make_adamw(const OptimizerSection& config, ParamStore& params);

}  // namespace sy
