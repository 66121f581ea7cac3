// The commands of `switchyard`, one file each: cmd/NAME.cpp defines setup_NAME, which adds the
// command's arguments to its CLI::App and gives what runs once they are parsed. Setting up opens no
// file and starts nothing.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

#include "lib/base/error.h"

namespace sy {

using Run = std::function<ExitCode()>;

// The arguments of `switchyard inspect shard`, in a file of its own.
Run setup_inspect_shard(CLI::App& app);

// Parses the command line and runs the command. Prints help and usage errors itself; what the
// command throws passes through.
ExitCode run_command_line(int argc, char** argv);

}  // namespace sy
