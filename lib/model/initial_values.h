// SPDX-License-Identifier: Apache-2.0
// Initial values from counter-based random numbers: element i of a parameter depends on (seed,
// parameter, i) alone, so every mesh starts with the same weights.
#pragma once

#include "lib/base/random.h"
#include "lib/model/param.h"

namespace sy {

// Quantile of the standard normal distribution for p in (0, 1), with a relative error of at most
// 1.2e-9 (rational approximations by P. J. Acklam).
double normal_quantile(double p);

// Overwrites values, float32 or float64 and of the slab's extent, with the shard `slab` of a
// parameter of shape `shape`. Word i of the key's stream gives global element i: the value is the
// distribution's quantile of the probability (word + 1/2) / 2^32. There is no rejection, so each
// element uses exactly one word.
void fill_initial_values(Tensor values, const Init& init, const RandomKey& key, const Shape& shape,
                         const Slab& slab);

}  // namespace sy
