// The global norm of the reduced gradients: every element of the model once, whatever the mesh. The
// same number on every rank.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/tensor/exec.h"

namespace sy {

// squares (float64 [regions] of the exec's memory, overwritten) = the sum of squares over the whole
// model's gradients of each of params.regions(); not finite when any gradient is not. Float64, in
// an order that no number of threads changes; how parameters are cut changes the last bits alone.
void gradient_squares(Exec& exec, ParamStore& params, Mesh& mesh, Tensor squares);

}  // namespace sy
