// Initial values of parameters from counter-based draws: element i of a parameter depends on (seed,
// parameter, i) alone, so every mesh starts from the same weights.
#pragma once

#include "lib/base/random.h"
#include "lib/model/param.h"

namespace sy {

// Quantile of the standard normal for p in (0, 1), to a relative error of 1.2e-9 (P. J. Acklam's
// rational approximations).
double normal_quantile(double p);

// Fills values (of the slab's extent, float32 or float64, overwritten) with the part `slab` of a
// parameter of shape `shape`: global element i from word i of the key's stream, which gives the
// probability (word + 1/2) / 2^32, whose quantile is the value. Nothing is rejected, so an element
// needs no other draw.
void fill_initial_values(Tensor values, const Init& init, const RandomKey& key, const Shape& shape,
                         const Slab& slab);

}  // namespace sy
