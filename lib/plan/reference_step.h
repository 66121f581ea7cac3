// SPDX-License-Identifier: Apache-2.0
// The steps of a small model, measured on the machine at hand, in place of assumptions.
#pragma once

#include "lib/dist/communicator.h"
#include "lib/measure/device.h"
#include "lib/train/runtime.h"

namespace sy {

// A device whose rates are measured (measure_device.h), with what a step reaches of them:
// product_efficiency, attention_efficiency, activation_bytes_per_second, update_bytes_per_second,
// the two of dropout and unplanned_bytes. Each rank trains a model of its own, at the same time,
// and the slowest counts. Some seconds; less, and less exact, if a rank is told to stop
// (stop_signal.h). Without `dropout_too`, the two of dropout are left as they are. A GPU is
// returned as it is: the small model would not fill it. Collective.
Device with_reference_step(Device device, Communicator& world, const RankResources& resources,
                           bool dropout_too = true);

}  // namespace sy
