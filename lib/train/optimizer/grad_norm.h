// SPDX-License-Identifier: Apache-2.0
// The global norm of the reduced gradients, the same on every rank. Every element of the model
// counts once, whatever the mesh and whoever owns it.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/tensor/exec.h"

namespace sy {

// squares, float64 [regions] in the exec's memory, is overwritten with the sum of squares of the
// gradients of the whole model in each of params.regions(). Not finite if any gradient is not. The
// order of summation does not depend on the number of threads; sharding changes only the last bits.
// Where each parameter is updated by one owner, that owner counts it.
void gradient_squares(Exec& exec, ParamStore& params, Mesh& mesh, Tensor squares);

}  // namespace sy
