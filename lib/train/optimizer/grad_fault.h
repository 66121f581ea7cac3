// Which gradient was not finite in a step that changed no weight. Looked for within the step, where
// the gradients lie; told when its numbers are read, which on a GPU is after the next step has
// begun to write its own gradients.
#pragma once

#include <string>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/tensor/exec.h"

namespace sy {

// found (float64 [regions] of the exec's memory, overwritten) = the number of the first element
// that is not finite in this rank's reduced gradients of each of params.regions(); -1 where there
// is none. squares: as gradient_squares() left them; a region whose sum is finite is not read.
// Nothing waits.
void find_grad_faults(Exec& exec, const ParamStore& params, Tensor found, Tensor squares);

// The model's first parameter at fault on any rank, of an expert parameter with the expert's number
// in the model ("encoder/layers/1/moe/wi, expert 5"); "" where no rank found one. `found`: this
// rank's numbers, in host memory. Collective; every rank gets the same.
std::string first_grad_fault(const ParamStore& params, Mesh& mesh, Tensor found);

}  // namespace sy
