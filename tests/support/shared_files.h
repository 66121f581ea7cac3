// Reference text and vectors that may live beside the project ($SWITCHYARD_SHARED, else ../shared):
// further cases of tests that have a definition or a sample of their own (tests/support/sample.h).
#pragma once

#include <optional>
#include <string>

namespace sy::test {

// Path of shared/`name` if it exists; a test that is given nothing has that case fewer:
//   const auto path = shared_file("vectors/relpos_buckets.json");
//   if (!path) return;
std::optional<std::string> shared_file(const std::string& name);

// Notes that a test did not run, with the reason on stderr.
void skip(const std::string& reason);

// True when a test skipped: a program without failures then exits 77.
bool any_skipped();

// A fresh folder under the system's temporary folder, removed at exit.
std::string temporary_folder();

}  // namespace sy::test
