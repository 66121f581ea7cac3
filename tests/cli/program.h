// SPDX-License-Identifier: Apache-2.0
// Runs the real binary as a user does: arguments in, what it printed and its exit code out.
#pragma once

#include <string>
#include <vector>

namespace sy::test {

struct Outcome {
  int code = -1;  // -1: it did not exit by itself
  std::string out;
  std::string err;
};

// In `folder` ("": the project's root), alone, without a shell between.
Outcome run_program(const std::vector<std::string>& arguments, const std::string& folder = "");

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace sy::test
