// Initial values of parameters from counter-based draws: element i of a parameter depends on (seed,
// parameter, i) alone, so every mesh starts from the same weights.
#pragma once

#include "lib/base/random.h"
#include "lib/model/param.h"

namespace sy {

// Quantile of the standard normal for p in (0, 1), to a relative error of 1.2e-9 (P. J. Acklam's
// rational approximations).
double normal_quantile(double p);

// Fills values (any shape, float32 or float64, overwritten): its element i is the parameter's
// global element first + i. Word w of the key's stream gives the probability (w + 1/2) / 2^32, and
// its quantile the value; nothing is rejected, so element i needs no other draw than word i.
void fill_initial_values(Tensor values, const Init& init, const RandomKey& key, int64_t first);

}  // namespace sy
