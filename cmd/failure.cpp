// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "cmd/commands.h"
#include "lib/base/log.h"
#include "lib/dist/flight/flight_log.h"
#include "lib/dist/launcher.h"
#include "lib/dist/mpi/mpi_environment.h"
#include "lib/train/stop_signal.h"

namespace sy {
namespace {

// The rank, taken from the launcher if MPI has not started; 0 without a launcher.
int known_rank() {
  return log::size() > 1 ? log::rank() : launched_rank();
}

// Of an error that all ranks meet, rank 0 reports first and ends the job. The others report it only
// if rank 0 did not: returns false if the signal with which mpirun ends them comes first.
bool should_speak(MetBy met_by) {
  if (known_rank() == 0 || met_by == MetBy::one_rank) return true;
  for (int i = 0; i < 40 && !stop_requested(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return !stop_requested();
}

}  // namespace

void print_failure(const std::string& message) {
  std::istringstream lines(message);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    text += fmt::format("{}error: {}\n", log::prefix(), line);
  }
  std::fputs(text.c_str(), stderr);  // in one call, so that the lines of several ranks do not mix
  std::fflush(stderr);
}

ExitCode fail_usage(const std::string& message) {
  if (known_rank() == 0) print_failure(message);
  return ExitCode::usage;
}

void fail(const std::string& message, ExitCode code, MetBy met_by) {
  flight::record_failure(message);
  if (should_speak(met_by)) {
    print_failure(message);
    if (log::size() > 1) MpiEnvironment::abort(static_cast<int>(code));
  }
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(code));
}

}  // namespace sy
