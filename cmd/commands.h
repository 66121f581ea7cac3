// SPDX-License-Identifier: Apache-2.0
// The commands of `switchyard`, one file each: cmd/NAME.cpp defines setup_NAME, which adds the
// command's arguments to its CLI::App and returns the function that runs after parsing. setup_NAME
// itself opens no file and starts nothing.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

#include "lib/base/error.h"

namespace sy {

using Run = std::function<ExitCode()>;

// The arguments of `switchyard inspect shard` and of `inspect task`, in files of their own.
Run setup_inspect_shard(CLI::App& app);
Run setup_inspect_task(CLI::App& app);

// Parses the command line and runs the command. Prints help and usage errors; exceptions thrown by
// the command pass through.
ExitCode run_command_line(int argc, char** argv);

// Prints each line of the message to stderr as "[rank r/n host] error: line".
void print_failure(const std::string& message);

// Reports an error in the command line. All ranks see it, so only rank 0 prints it. Returns
// ExitCode::usage.
ExitCode fail_usage(const std::string& message);

// Prints the message and ends this process with the exit code; if MPI runs with several ranks, all
// of them. Threads that write a checkpoint may still run, so nothing is taken from them.
[[noreturn]] void fail(const std::string& message, ExitCode code, MetBy met_by = MetBy::one_rank);

}  // namespace sy
