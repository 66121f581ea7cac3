// SPDX-License-Identifier: Apache-2.0
// Finds the first non-finite gradient of a step that was not applied. The search runs within the
// step on the device; the result is read with the other results of the step, which on a GPU is
// after the next step has begun to overwrite the gradients.
#pragma once

#include <string>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/tensor/exec.h"

namespace sy {

// found, float64 [regions] in the exec's memory, is overwritten with the index of the first
// non-finite element of the reduced gradients that this rank owns in each of params.regions(),
// counted from the first that it owns, or -1. squares
// is the output of gradient_squares(); regions with a finite sum are not searched. Does not
// synchronise.
void find_grad_faults(Exec& exec, const ParamStore& params, Tensor found, Tensor squares);

// The name of the first parameter of the model with a non-finite gradient on any rank, with the
// global expert index if it is an expert parameter ("encoder/layers/1/moe/wi, expert 5"), or "" if
// there is none. `found` is in host memory. The same on every rank. Collective.
std::string first_grad_fault(const ParamStore& params, Mesh& mesh, Tensor found);

}  // namespace sy
