// SPDX-License-Identifier: Apache-2.0
// The measurements behind `switchyard doctor`. Each takes about a second. Those that take a
// communicator are collective and return the same result on every rank.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/dist/communicator.h"

namespace sy {

// One value per rank, summarised.
struct Spread {
  double min = 0, max = 0, sum = 0;
  int min_rank = 0;  // the first rank that has the minimum
};
Spread spread_of(Communicator& world, double value);

// The host name of each rank.
std::vector<std::string> gather_hosts(Communicator& world);

// Duration in seconds of one collective on the slowest rank, the best of ten rounds. `bytes` is the
// size of each rank's buffer.
double all_reduce_seconds(Communicator& world, int64_t bytes);
double all_to_all_seconds(Communicator& world, int64_t bytes);
// The same between GPUs over NCCL. Each rank must have selected its GPU (cuda_device.h).
double gpu_all_reduce_seconds(Communicator& world, int64_t bytes);

// Cores that this process may run on, and cores of its node.
int allowed_cores();
int node_cores();

// Memory bandwidth in bytes/s of `threads` threads together, reads and writes counted, for
// a = b + s c (the STREAM triad).
double memory_bandwidth(int threads);

// Writes an HDF5 file of `bytes` bytes the way a checkpoint shard is written and syncs it. Returns
// bytes/s. No file stays. Processes on several hosts may do it in one folder at a time. Not
// collective. Throws RuntimeFailure with the reason if writing fails.
double hdf5_write_rate(const std::string& folder, int rank, int64_t bytes);

// "1.10.8"
std::string hdf5_version();

}  // namespace sy
