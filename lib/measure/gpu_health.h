// SPDX-License-Identifier: Apache-2.0
// What the driver knows of the health of this node's GPUs.
#pragma once

#include "lib/measure/node_facts.h"

namespace sy {

// Fills in gpus, gpu_processes and gpu_error by asking nvidia-smi, which gets 20 seconds a
// question, since it hangs where a GPU does. Leaves them empty where there is no nvidia-smi. To be
// called before this process uses a GPU.
void ask_gpus(NodeFacts& facts);

// Multiplies on each GPU that this process sees, in the order of `facts.gpus`, for its
// bfloat16_flops. Does nothing without the CUDA backend. Throws RuntimeFailure.
void measure_gpus(NodeFacts& facts);

}  // namespace sy
