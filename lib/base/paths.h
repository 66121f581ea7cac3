// SPDX-License-Identifier: Apache-2.0
// Paths as people write them: ~, variables, and patterns. What lies under the very text always
// comes first, so that no name is too odd to be used.
#pragma once

#include <string>
#include <vector>

namespace sy {

// Replaces ~ and ~user at the beginning, and $NAME and ${NAME} anywhere, except in a part of the
// path that exists as it is written. Throws ConfigError if a variable is not set, a user does not
// exist, or a shell would do more (${NAME:-x}, $(command)). Any other $ stays.
std::string expand_path(const std::string& text);

// expand_path for a key that takes one path. Throws ConfigError for a pattern (* or ?), unless it
// exists as it is written.
std::string expand_single_path(const std::string& text);

// The files that a pattern matches after expand_path, in no particular order: * ? [...] within a
// part, and {a,b}. A leading part that exists as it is written is no pattern; nor is the whole, if
// it does. Throws ConfigError for **, which would match like *, and DataError if a folder cannot be
// read.
std::vector<std::string> match_files(const std::string& pattern);

}  // namespace sy
