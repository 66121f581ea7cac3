// The global norm of the reduced gradients: replicated parameters once, each expert once, whatever
// the mesh. The same number on every rank.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/tensor/exec.h"

namespace sy {

// squares (float64 [2] of the exec's memory, overwritten) = the sums of squares over the gradients
// of the replicated parameters and of all experts; not finite when any gradient is not. Float64, in
// an order that no number of threads changes; how the experts are spread changes the last bits
// alone.
void gradient_squares(Exec& exec, ParamStore& params, Mesh& mesh, Tensor squares);

}  // namespace sy
