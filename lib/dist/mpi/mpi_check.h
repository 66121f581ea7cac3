// SPDX-License-Identifier: Apache-2.0
// Turns MPI error codes into exceptions. Requires an error handler that returns, as set by
// mpi_environment and mpi_communicator; otherwise MPI ends the process before the error can be
// reported.
#pragma once

#include <string>

namespace sy::detail {

std::string mpi_error_text(int code);
[[noreturn]] void throw_mpi_error(int code, const char* call, const char* file, int line);

}  // namespace sy::detail

// MPI_CHECK(MPI_Comm_free(&comm)) throws RuntimeFailure with the call, the text of the MPI error
// and the source line.
#define MPI_CHECK(call)                                                       \
  do {                                                                        \
    const int sy_mpi_code_ = (call);                                          \
    if (sy_mpi_code_ != MPI_SUCCESS) [[unlikely]]                             \
      ::sy::detail::throw_mpi_error(sy_mpi_code_, #call, __FILE__, __LINE__); \
  } while (false)
