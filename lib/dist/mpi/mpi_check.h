// Turns an MPI error code into an exception. Needs an error handler that returns (mpi_environment
// and mpi_communicator set it), else MPI ends the process before we can say anything.
#pragma once

#include <string>

namespace sy::detail {

std::string mpi_error_text(int code);
[[noreturn]] void throw_mpi_error(int code, const char* call, const char* file, int line);

}  // namespace sy::detail

// MPI_CHECK(MPI_Comm_free(&comm)): throws RuntimeFailure with the call, MPI's words and the place.
#define MPI_CHECK(call)                                                       \
  do {                                                                        \
    const int sy_mpi_code_ = (call);                                          \
    if (sy_mpi_code_ != MPI_SUCCESS) [[unlikely]]                             \
      ::sy::detail::throw_mpi_error(sy_mpi_code_, #call, __FILE__, __LINE__); \
  } while (false)
