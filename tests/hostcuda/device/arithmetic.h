// SPDX-License-Identifier: Apache-2.0
// How device arithmetic rounds. $SWITCHYARD_HOSTCUDA_ARITHMETIC names it:
//   exact    (where unset) approximate functions (__expf, __fdividef, rsqrtf, ...) round correctly,
//   as
//            far as <cmath> does, and tensor cores' sums round like other sums
//   device   approximate functions err by up to 2 ulp, and tensor cores truncate
// Either is a function of the operands alone, so results are the same in every run and schedule.
#pragma once

namespace sy::hostcuda {

enum class Arithmetic : bool { exact, device };

// Parses the names above (null means exact); reports any other.
Arithmetic named_arithmetic(const char* name);
void set_arithmetic(Arithmetic arithmetic);
Arithmetic arithmetic();

// The value, or with Arithmetic::device one that is up to 2 ulp away: which one is drawn from its
// bits. Zeros, subnormal numbers, infinities and NaN stay.
float approximate(float value);

// sum plus the 16 products a[k] b[k] of bfloat16 numbers, as a tensor core adds them: eight
// products and the sum at a time are aligned to the largest of them and cut off after 25 bits, and
// their total is cut off to float32. A model of the hardware, which differs from one generation to
// the next.
float add_truncated(float sum, const float (&a)[16], const float (&b)[16]);

}  // namespace sy::hostcuda
