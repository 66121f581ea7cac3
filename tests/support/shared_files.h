// Reference text and vectors that live beside the project: $SWITCHYARD_SHARED, else ../shared.
// Tests read them there and are reported as skipped where they are absent.
#pragma once

#include <optional>
#include <string>

namespace sy::test {

// Path of shared/`name` if it exists. Otherwise notes the skip and returns nothing; the test
// returns:
//   const auto path = shared_file("vectors/relpos_buckets.json");
//   if (!path) return;
std::optional<std::string> shared_file(const std::string& name);

// Notes that a test did not run, with the reason on stderr.
void skip(const std::string& reason);

// True when at least one test skipped and none reported an assertion through `ran`.
bool skipped_all();

// A fresh folder under the system's temporary folder, removed at exit.
std::string temporary_folder();

}  // namespace sy::test
