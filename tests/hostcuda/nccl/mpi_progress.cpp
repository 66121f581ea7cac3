// SPDX-License-Identifier: Apache-2.0
// The blocking calls of MPI, for programs whose GPU is executed on the host. Another rank may wait
// for work that is queued here, which a GPU would complete by itself, so this process makes
// progress on it while it waits. The functions replace the MPI library's own through its profiling
// interface.
#include <mpi.h>
#include <sched.h>

#include "tests/hostcuda/nccl/nccl_messages.h"
#include "tests/hostcuda/runtime/stream.h"

namespace sy::hostcuda {

void let_mpi_make_progress() {}

namespace {

void go_on() {
  if (!make_progress()) sched_yield();
}

// Waits until every rank of `comm` has arrived, so that the call that follows does not block.
int meet(MPI_Comm comm) {
  MPI_Request request = MPI_REQUEST_NULL;
  int code = PMPI_Ibarrier(comm, &request);
  for (int flag = 0; code == MPI_SUCCESS;) {
    code = PMPI_Test(&request, &flag, MPI_STATUS_IGNORE);
    if (flag != 0) break;
    go_on();
  }
  return code;
}

}  // namespace
}  // namespace sy::hostcuda

using namespace sy::hostcuda;

int MPI_Barrier(MPI_Comm comm) {
  return meet(comm);
}

int MPI_Bcast(void* buffer, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  const int code = meet(comm);
  return code == MPI_SUCCESS ? PMPI_Bcast(buffer, count, type, root, comm) : code;
}

int MPI_Allreduce(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm comm) {
  const int code = meet(comm);
  return code == MPI_SUCCESS ? PMPI_Allreduce(send, recv, count, type, op, comm) : code;
}

int MPI_Allgather(const void* send, int send_count, MPI_Datatype send_type, void* recv,
                  int recv_count, MPI_Datatype recv_type, MPI_Comm comm) {
  const int code = meet(comm);
  if (code != MPI_SUCCESS) return code;
  return PMPI_Allgather(send, send_count, send_type, recv, recv_count, recv_type, comm);
}

int MPI_Reduce_scatter_block(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                             MPI_Comm comm) {
  const int code = meet(comm);
  if (code != MPI_SUCCESS) return code;
  return PMPI_Reduce_scatter_block(send, recv, count, type, op, comm);
}

int MPI_Reduce(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op, int root,
               MPI_Comm comm) {
  const int code = meet(comm);
  return code == MPI_SUCCESS ? PMPI_Reduce(send, recv, count, type, op, root, comm) : code;
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* result) {
  const int code = meet(comm);
  return code == MPI_SUCCESS ? PMPI_Comm_dup(comm, result) : code;
}

int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm* result) {
  const int code = meet(comm);
  return code == MPI_SUCCESS ? PMPI_Comm_split(comm, color, key, result) : code;
}

int MPI_Waitall(int count, MPI_Request* requests, MPI_Status* statuses) {
  int flag = 0;
  for (;;) {
    const int code = PMPI_Testall(count, requests, &flag, statuses);
    if (code != MPI_SUCCESS || flag != 0) return code;
    go_on();
  }
}

// A program that polls in a loop is waiting, too.
int MPI_Testall(int count, MPI_Request* requests, int* flag, MPI_Status* statuses) {
  const int code = PMPI_Testall(count, requests, flag, statuses);
  if (code == MPI_SUCCESS && *flag == 0) go_on();
  return code;
}
