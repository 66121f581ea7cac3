// How a failure is told, and how one rank's failure ends the job.
#pragma once

#include <string>

#include "lib/base/error.h"

namespace sy {

// Each line on stderr as "[rank r/n host] error: line".
void print_failure(const std::string& message);

// A wrong command line, which every rank sees: rank 0 alone prints it. Returns ExitCode::usage.
ExitCode fail_usage(const std::string& message);

// Prints, and ends the other ranks where MPI runs with more than one; else returns the exit code.
int fail(const std::string& message, ExitCode code, MetBy met_by = MetBy::one_rank);

}  // namespace sy
