// SPDX-License-Identifier: Apache-2.0
// `doctor node` and `doctor compare`: each node alone, before any of them waits for another.
#pragma once

#include "cmd/commands.h"

namespace sy {

// Examines this node and writes what it finds as FOLDER/NODE.json, or prints it.
Run setup_doctor_node(CLI::App& app);

// Compares the nodes of FOLDER/*.json, prints a verdict on each and writes FOLDER/exclude.txt.
Run setup_doctor_compare(CLI::App& app);

}  // namespace sy
