// The global norm of the reduced gradients: replicated parameters once, each expert once, whatever
// the mesh. The same number on every rank.
#pragma once

#include <string>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/tensor/exec.h"

namespace sy {

// sqrt of the sum of squares over the whole model's gradients; not finite when any gradient is not.
double gradient_norm(Exec& exec, ParamStore& params, Mesh& mesh);

// Factor that brings a norm down to clip_norm (1 when it is below, or clip_norm is 0).
double clip_scale(double norm, double clip_norm);

// First parameter of the model whose gradient is not finite on any rank, or "". Collective; every
// rank gets the same name.
std::string find_nonfinite(Exec& exec, ParamStore& params, Mesh& mesh);

}  // namespace sy
