// SPDX-License-Identifier: Apache-2.0
// Stands in for the calls of MPI that the program makes, through MPI's profiling interface.
#include <mpi.h>

#include <limits>

#include "tests/faults/campaign/moments.h"

namespace {

using faults::Moment;

void communicates() {
  faults::reached(Moment::collective);
}

// Puts a NaN into the numbers that this rank adds to a sum of float32, if it is time.
void spoil(const void* send, void* receive, int count, MPI_Datatype type) {
  if (type != MPI_FLOAT || count == 0 || send != MPI_IN_PLACE || !faults::take_nan()) return;
  static_cast<float*>(receive)[0] = std::numeric_limits<float>::quiet_NaN();
}

}  // namespace

extern "C" {

int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  faults::reached(Moment::start);
  const int result = PMPI_Init_thread(argc, argv, required, provided);
  faults::reached(Moment::start);
  return result;
}

int MPI_Finalize() {
  faults::reached(Moment::finish);
  const int result = PMPI_Finalize();
  faults::reached(Moment::finish);
  return result;
}

int MPI_Allreduce(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm comm) {
  communicates();
  spoil(send, receive, count, type);
  return PMPI_Allreduce(send, receive, count, type, op, comm);
}

int MPI_Iallreduce(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op op,
                   MPI_Comm comm, MPI_Request* request) {
  communicates();
  spoil(send, receive, count, type);
  return PMPI_Iallreduce(send, receive, count, type, op, comm, request);
}

int MPI_Ireduce(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op op, int root,
                MPI_Comm comm, MPI_Request* request) {
  communicates();
  return PMPI_Ireduce(send, receive, count, type, op, root, comm, request);
}

int MPI_Allgather(const void* send, int send_count, MPI_Datatype send_type, void* receive,
                  int receive_count, MPI_Datatype receive_type, MPI_Comm comm) {
  communicates();
  return PMPI_Allgather(send, send_count, send_type, receive, receive_count, receive_type, comm);
}

int MPI_Bcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  communicates();
  return PMPI_Bcast(data, count, type, root, comm);
}

int MPI_Barrier(MPI_Comm comm) {
  communicates();
  return PMPI_Barrier(comm);
}

int MPI_Isend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request* request) {
  communicates();
  return PMPI_Isend(data, count, type, to, tag, comm, request);
}

int MPI_Waitall(int count, MPI_Request* requests, MPI_Status* statuses) {
  communicates();
  return PMPI_Waitall(count, requests, statuses);
}

}  // extern "C"
