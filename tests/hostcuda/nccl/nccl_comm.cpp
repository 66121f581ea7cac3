// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/nccl/nccl_comm.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/nccl/nccl_operation.h"

using namespace sy::hostcuda;

namespace {

constexpr size_t kSentence = 512;

struct Id {
  int world_rank;  // of the process that made the id, which must be one of the ranks
  int number;      // counts the ids that this process made
};
static_assert(sizeof(Id) <= sizeof(ncclUniqueId));

// What each rank sends to the maker of the id.
struct Member {
  int rank;
  int world_rank;
  int ranks;
};

int world_rank() {
  int rank = 0;
  PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

std::vector<std::unique_ptr<ncclComm>>& comms() {
  static auto* the = new std::vector<std::unique_ptr<ncclComm>>;
  return *the;
}

// On the maker: collects the members and sends the list, ordered by rank, to all of them.
std::vector<Member> hear_members(const Member& me, int tag) {
  std::vector<Member> members(static_cast<size_t>(me.ranks), me);
  Messages messages;
  for (size_t i = 1; i < members.size(); ++i) {
    messages.receive(MPI_ANY_SOURCE, tag, &members[i], sizeof(Member));
  }
  messages.wait();
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.rank < b.rank; });
  for (const Member& member : members) {
    if (member.rank == me.rank) continue;
    messages.send(member.world_rank, tag, members.data(), members.size() * sizeof(Member));
  }
  messages.wait();
  return members;
}

// On the other ranks: introduces this rank to the maker and receives the list.
std::vector<Member> ask_maker(const Member& me, int maker, int tag) {
  std::vector<Member> members(static_cast<size_t>(me.ranks));
  Messages messages;
  messages.send(maker, tag, &me, sizeof me);
  messages.receive(maker, tag, members.data(), members.size() * sizeof(Member));
  messages.wait();
  return members;
}

void set_error(ncclComm& comm, const std::string& sentence) {
  if (comm.error != ncclSuccess) return;
  comm.sentence = sentence;
  comm.error = ncclInvalidUsage;
}

}  // namespace

namespace sy::hostcuda {

Turn& turn_with(int world_rank) {
  static auto* turns = new std::map<int, Turn>;
  return (*turns)[world_rank];
}

void fail(ncclComm& comm, const std::string& sentence) {
  set_error(comm, sentence);
  comm.cry = sentence;
  comm.cry.resize(kSentence);
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank == comm.rank) continue;
    comm.last_words.send(comm.world[static_cast<size_t>(rank)], comm.tag(Channel::failure),
                         comm.cry.data(), kSentence);
  }
}

void check_alive(ncclComm_t comm, const char* call) {
  if (!comm->aborted && !comm->destroyed) return;
  (Message() << call << " with a communicator that was "
             << (comm->aborted ? "aborted" : "destroyed"))
      .die();
}

bool has_failed(ncclComm& comm) {
  char text[kSentence + 1] = "";
  if (comm.error == ncclSuccess && receive_if_there(comm.tag(Channel::failure), text, kSentence)) {
    set_error(comm, text);
  }
  return comm.error != ncclSuccess;
}

}  // namespace sy::hostcuda

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static int made = 0;
  const Id own{world_rank(), made++};
  *id = {};
  std::memcpy(id->internal, &own, sizeof own);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank) {
  let_mpi_make_progress();
  if (ranks < 1 || rank < 0 || rank >= ranks) {
    return refuse(ncclInvalidArgument, "ncclCommInitRank: no such rank");
  }
  Id own;
  std::memcpy(&own, id.internal, sizeof own);
  const int tags = first_tag(own.world_rank, own.number);
  const Member me{rank, world_rank(), ranks};
  const int tag = tags + static_cast<int>(Channel::start);
  const std::vector<Member> members =
      me.world_rank == own.world_rank ? hear_members(me, tag) : ask_maker(me, own.world_rank, tag);
  auto made = std::make_unique<ncclComm>();
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].rank != static_cast<int>(i) || members[i].ranks != ranks) {
      return refuse(ncclInvalidUsage,
                    "ncclCommInitRank: the processes disagree on their ranks or their number");
    }
    made->world.push_back(members[i].world_rank);
  }
  made->rank = rank;
  made->tags = tags;
  for (const int world : made->world) turn_with(world) = {turn_with(world).communicators + 1, 0};
  *comm = made.get();
  comms().push_back(std::move(made));
  return ncclSuccess;
}

// Tells the other ranks, so that a call that this rank never makes is detected.
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  check_alive(comm, "ncclCommDestroy");
  if (!comm->operations.empty()) {
    return refuse(ncclInvalidUsage, "ncclCommDestroy: the communicator has unfinished calls");
  }
  comm->goodbye.number = comm->calls + 1;
  for (int rank = 0; rank < comm->size(); ++rank) {
    if (rank == comm->rank) continue;
    comm->last_words.send(comm->world[static_cast<size_t>(rank)], comm->tag(Channel::calls),
                          &comm->goodbye, sizeof comm->goodbye);
  }
  comm->destroyed = true;
  return ncclSuccess;
}

// It takes a moment, as it does where kernels must be stopped, in which others may call.
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  check_alive(comm, "ncclCommAbort");
  comm->aborted = true;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  check_alive(comm, "ncclCommGetAsyncError");
  *error = comm->error;
  return ncclSuccess;
}
