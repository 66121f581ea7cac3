// The measurements behind `switchyard doctor`: each takes a second or so. Those with a communicator
// are collective, and every rank gets the same answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/dist/communicator.h"

namespace sy {

// A number that each rank measured.
struct Spread {
  double least = 0, most = 0, sum = 0;
  int least_rank = 0;
};
Spread spread_of(Communicator& world, double value);

// The host of each rank.
std::vector<std::string> gather_hosts(Communicator& world);

// Seconds of one collective, the slowest rank's, the best of several rounds. `bytes` is what a rank
// holds.
double all_reduce_seconds(Communicator& world, int64_t bytes);
double all_to_all_seconds(Communicator& world, int64_t bytes);
// The same between the ranks' GPUs, by NCCL; each rank has chosen its own (cuda_device.h).
double gpu_all_reduce_seconds(Communicator& world, int64_t bytes);

// Processors that this process may run on, and those of its node.
int allowed_cores();
int node_cores();

// Bytes a second that `threads` threads read and write together in a = b + s c.
double memory_bandwidth(int threads);

// Writes an HDF5 file of `bytes` bytes as a checkpoint's shard is written, synced, and removes it.
// Bytes a second. Not collective. Throws RuntimeFailure with the reason.
double hdf5_write_rate(const std::string& folder, int rank, int64_t bytes);

// "1.10.8"
std::string hdf5_version();

}  // namespace sy
