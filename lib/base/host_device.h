// SPDX-License-Identifier: Apache-2.0
// Marks a function that device code also calls. Expands to nothing without nvcc.
#pragma once

#ifdef __CUDACC__
#define SY_HOST_DEVICE __host__ __device__
#else
#define SY_HOST_DEVICE
#endif
