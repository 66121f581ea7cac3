// SPDX-License-Identifier: Apache-2.0
// An estimate of the time of a step. It is a sum of bounds, with nothing overlapping: what is sent
// while a rank computes makes a real step shorter.
#pragma once

#include "lib/measure/device.h"
#include "lib/plan/step_work.h"

namespace sy {

struct StepTime {
  double products = 0;     // GEMMs, and reading and writing their matrices
  double attention = 0;    // products inside attention
  double elementwise = 0;  // everything else in forward and backward, by its passes over memory
  double update = 0;       // reading and writing weights, gradients and optimiser state
  double wire = 0;         // wire_seconds()
  double waiting = 0;      // for slower ranks: waiting_seconds()
  double total() const { return products + attention + elementwise + update + wire + waiting; }
  double tokens_per_second = 0;  // input and target places of the global batch
  // FLOPs of the model, without what is computed again, over those of the device's rate.
  double mfu = 0;
};

// FLOP/s of the device's dense products. Throws ConfigError if the precision is bfloat16 and the
// device has no rate for it.
double device_flops(const Device& device, Precision precision);

// Seconds of GEMMs at that rate, narrow ones at their share of it (Device::narrow_products),
// without those of their matrices.
double product_seconds(const GemmCounts& products, const Device& device, double flops_per_second);

// Bytes of all matrices of the GEMMs. Few of them are in a cache when a product begins, unlike
// where products alone are timed.
double product_bytes(const GemmCounts& products);

// What ranks wait for each other in the calls of a step that computes for so long: at each, as
// long as ranks of the device do after computing for an equal part of it (Device::call_waits).
double waiting_seconds(const Traffic& traffic, double computing, const Device& device);

// Throws as device_flops() does.
StepTime estimate_step(const PlanInput& input, RankPlan& first, const TrainStep::Memory& memory,
                       const Device& device);

}  // namespace sy
