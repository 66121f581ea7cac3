// SPDX-License-Identifier: Apache-2.0
// Which distribution each kind of parameter starts from: the rule of Fedus et al. 2022 (section
// 2.4), a truncated normal with std = sqrt(s / fan_in), where s is model.init_scale, and what
// model.initialisation puts in its place. The values themselves are in initial_values.h.
#pragma once

#include "lib/config/run_config.h"
#include "lib/model/param.h"

namespace sy {

// Matrices of dense feed-forward layers, and the output projection.
Init matrix_init(const ModelSection& model, double fan_in);
// Matrices of attention; that of the queries has fan_in d_model d_kv.
Init attention_init(const ModelSection& model, double fan_in);
Init experts_init(const ModelSection& model, double fan_in);
Init router_init(const ModelSection& model);
// The table [buckets, heads] of relative positions.
Init relative_bias_init(const ModelSection& model);

}  // namespace sy
