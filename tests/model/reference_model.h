// SPDX-License-Identifier: Apache-2.0
// A reference for the whole model: forward in scalar float64 loops over std::vector, written from
// the papers (Raffel et al. 2020; Fedus et al. 2022) without sharing code with lib/model or
// kernels. Without dropout and jitter.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy::test {

struct ReferenceBatch {
  std::vector<std::vector<int>> inputs;   // [B][encoder length], pad 0 at the end
  std::vector<std::vector<int>> targets;  // [B][decoder length], pad 0 at the end
};

struct ReferenceResult {
  double cross_entropy = 0;    // nats, summed over targets that are not padding
  std::vector<double> logits;  // [B][decoder length][vocab]
  // Over sparse layers and groups, before the coefficient; the decoder's groups together weigh as
  // much as the encoder's.
  double balance_sum = 0, z_sum = 0;
  double logit_z_sum = 0;  // (log Z)^2, summed over targets that are not padding
  // By sparse layer, over routed tokens: sums of the entropy of the router's probabilities, and of
  // the largest.
  std::vector<double> entropies, top_probabilities;
  std::vector<std::vector<int>> counts;  // [sparse layers][E + 1], the last: dropped
};

// Parameters by name, row-major.
using ReferenceParams = std::map<std::string, std::vector<double>>;

// capacity_factor is that of training or that of evaluation.
ReferenceResult reference_forward(const ModelSection& model, const ReferenceParams& params,
                                  const ReferenceBatch& batch, double capacity_factor);

}  // namespace sy::test
