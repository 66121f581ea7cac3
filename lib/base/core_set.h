// SPDX-License-Identifier: Apache-2.0
// The cores that a process may run on, on machines of any size.
#pragma once

#include <sys/types.h>

#include <vector>

namespace sy {

// In ascending order, of a process, 0 for this one; empty if they cannot be read.
std::vector<int> cores_of(pid_t process);

// Limits this thread, and those that it starts from now on, to these cores. Nothing changes if the
// system refuses.
void bind_to(const std::vector<int>& cores);

}  // namespace sy
