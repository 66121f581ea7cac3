// SPDX-License-Identifier: Apache-2.0
// all_to_all RANKS_PER_HOST ROUNDS BYTES...: times an all-to-all of equal blocks of so many bytes
// in two ways. Direct: each rank sends each other one a block. By host: ranks of a host first give
// each other what their counterparts on other hosts are to get; counterparts then exchange one
// message per pair of hosts, of a block from each rank there. Rank r is on host r / RANKS_PER_HOST.
// Started by all_to_all.py; the hosts share a clock, and waiting ranks sleep, since they may share
// cores.
#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using Bytes = std::vector<char>;

int rank, size, each, hosts, host, local;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void nap() {
  std::this_thread::sleep_for(std::chrono::microseconds(20));
}

class Messages {
 public:
  ~Messages() { wait(); }
  void receive(char* to, size_t bytes, int from) {
    MPI_Irecv(to, static_cast<int>(bytes), MPI_BYTE, from, 0, MPI_COMM_WORLD, next());
  }
  void send(const char* from, size_t bytes, int to) {
    MPI_Isend(from, static_cast<int>(bytes), MPI_BYTE, to, 0, MPI_COMM_WORLD, next());
  }
  MPI_Request* next() { return &requests_.emplace_back(MPI_REQUEST_NULL); }
  void wait() {
    for (int done = 0; done == 0;) {
      MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
      if (done == 0) nap();
    }
    requests_.clear();
  }

 private:
  std::vector<MPI_Request> requests_;
};

// Block r of `out` goes to rank r; block r of `in` comes from there.
void direct(char* in, const char* out, size_t block, char*) {
  Messages messages;
  for (int step = 1; step < size; ++step) {
    const int from = (rank - step + size) % size;
    messages.receive(in + from * block, block, from);
  }
  for (int step = 1; step < size; ++step) {
    const int to = (rank + step) % size;
    messages.send(out + to * block, block, to);
  }
  std::copy_n(out + rank * block, block, in + rank * block);
}

// gathered [hosts, each] = the blocks of this host's ranks for this rank's counterparts. Those for
// the own host arrive where they belong at once. Two ranks exchange in the order of hosts.
void by_host(char* in, const char* out, size_t block, char* gathered) {
  const auto first = [&](int of_host) { return of_host * each * block; };
  Messages far, near;
  for (int step = 1; step < hosts; ++step) {
    const int other = (host - step + hosts) % hosts;
    far.receive(in + first(other), each * block, other * each + local);
  }
  for (int peer = 0; peer < each; ++peer) {
    for (int to = 0; to < hosts; ++to) {
      char* const place = (to == host ? in : gathered) + first(to) + peer * block;
      const char* const mine = out + first(to) + peer * block;
      if (peer == local) {
        std::copy_n(mine, block, place);
        continue;
      }
      near.receive(place, block, host * each + peer);
      near.send(mine, block, host * each + peer);
    }
  }
  near.wait();
  for (int step = 1; step < hosts; ++step) {
    const int other = (host + step) % hosts;
    far.send(gathered + first(other), each * block, other * each + local);
  }
}

using Way = void (*)(char*, const char*, size_t, char*);

// All ranks start at a time that rank 0 sets; the last to end counts.
double seconds(Way way, Bytes& in, const Bytes& out, size_t block, Bytes& gathered) {
  Messages messages;
  MPI_Ibarrier(MPI_COMM_WORLD, messages.next());
  messages.wait();
  double start = now() + 0.015, longest = 0;
  MPI_Ibcast(&start, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD, messages.next());
  messages.wait();
  while (now() < start) nap();
  way(in.data(), out.data(), block, gathered.data());
  const double mine = now() - start;
  MPI_Iallreduce(&mine, &longest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD, messages.next());
  messages.wait();
  return longest;
}

void compare(size_t block, int rounds) {
  Bytes out(size * block), gathered(out.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i * 7 + rank * 31);
  const Way ways[] = {direct, by_host};
  Bytes in[2] = {Bytes(out.size()), Bytes(out.size())};
  std::vector<double> times[2];
  for (int round = -2; round < rounds; ++round) {  // two to warm up
    for (int i = 0; i < 2; ++i) {
      const double time = seconds(ways[i], in[i], out, block, gathered);
      if (round >= 0) times[i].push_back(1e3 * time);
    }
  }
  if (in[0] != in[1]) MPI_Abort(MPI_COMM_WORLD, 1);
  for (auto& list : times) std::sort(list.begin(), list.end());
  const auto at = [&](int i, double share) {
    return times[i][static_cast<size_t>(share * (rounds - 1))];
  };
  if (rank == 0) {
    std::printf("%10zu  %8.2f [%6.2f, %6.2f]  %8.2f [%6.2f, %6.2f]\n", block, at(0, 0.5),
                at(0, 0.25), at(0, 0.75), at(1, 0.5), at(1, 0.25), at(1, 0.75));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  each = std::atoi(argv[1]), hosts = size / each, host = rank / each, local = rank % each;
  MPI_Barrier(MPI_COMM_WORLD);
  // Before other work on the machine, if that is allowed.
  const sched_param first{.sched_priority = 10};
  sched_setscheduler(0, SCHED_RR, &first);
  if (rank == 0) std::printf("     bytes    direct ms [quartiles]       by host ms [quartiles]\n");
  for (int i = 3; i < argc; ++i) compare(std::strtoul(argv[i], nullptr, 10), std::atoi(argv[2]));
  MPI_Finalize();
}
