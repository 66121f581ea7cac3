// SPDX-License-Identifier: Apache-2.0
// Runs the command line and turns exceptions into messages and exit codes. Only main() catches.
#include <exception>
#include <new>

#include "cmd/commands.h"

int main(int argc, char** argv) {
  try {
    return static_cast<int>(sy::run_command_line(argc, argv));
  } catch (const sy::Error& error) {
    sy::fail(error.what(), error.code(), error.met_by());
  } catch (const std::bad_alloc&) {
    sy::fail("out of memory; use fewer ranks on this node or a smaller train.micro_batch",
             sy::ExitCode::failed);
  } catch (const std::exception& error) {
    sy::fail(error.what(), sy::ExitCode::failed);
  }
}
