// SPDX-License-Identifier: Apache-2.0
// The lines of a text file that a command is given.
#pragma once

#include <functional>
#include <string>

namespace sy {

// Calls use(line, place) for every line of the file, or of standard input ("-"), without byte order
// mark and carriage return; `place` is "line 3 of FILE". Throws DataError if it cannot be opened or
// read, and ConfigError for the standard input of several ranks: mpirun gives it to the first
// alone.
void for_each_line(
    const std::string& path,
    const std::function<void(const std::string& line, const std::string& place)>& use);

}  // namespace sy
