// SPDX-License-Identifier: Apache-2.0
// The world communicator of a test program that runs under mpirun (with mpi_test_main.cpp).
#pragma once

#include "lib/dist/mpi/mpi_environment.h"

namespace sy::test {

Communicator& test_world();
MpiEnvironment& test_environment();

}  // namespace sy::test
