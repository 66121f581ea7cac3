// SPDX-License-Identifier: Apache-2.0
// Optional reference text and vectors beside the project ($SWITCHYARD_SHARED, or else ../shared).
// They add cases to tests that otherwise use their own definitions or the sample (sample.h).
#pragma once

#include <optional>
#include <string>

namespace sy::test {

// The path of shared/`name` if it exists. A test that gets nothing leaves out that case:
//   const auto path = shared_file("vectors/relpos_buckets.json");
//   if (!path) return;
std::optional<std::string> shared_file(const std::string& name);

// Records that a test did not run, and prints the reason to stderr.
void skip(const std::string& reason);

// Whether a test was skipped: a program without failures then exits with 77.
bool any_skipped();

// A new folder in the system's temporary folder, removed at exit.
std::string temporary_folder();

}  // namespace sy::test
