// SPDX-License-Identifier: Apache-2.0
// The order of a token's experts: by falling score, of equal ones the first.
#pragma once

#include "lib/base/host_device.h"

namespace sy {

// Whether score `a` of expert `i` comes after score `b` of expert `j`.
template <class T>
SY_HOST_DEVICE bool comes_after(T a, int i, T b, int j) {
  return a < b || (a == b && i > j);
}

}  // namespace sy
