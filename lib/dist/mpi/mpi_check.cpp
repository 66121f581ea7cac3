// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/mpi/mpi_check.h"

#include <mpi.h>

#include "lib/base/error.h"

namespace sy::detail {

std::string mpi_error_text(int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) return fmt::format("error {}", code);
  return std::string(text, static_cast<size_t>(length));
}

void throw_mpi_error(int code, const char* call, const char* file, int line) {
  throw RuntimeFailure(
      fmt::format("{} failed: {} ({}:{})", call, mpi_error_text(code), file, line));
}

}  // namespace sy::detail
