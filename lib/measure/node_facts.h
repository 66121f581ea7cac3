// SPDX-License-Identifier: Apache-2.0
// What one node says of itself before it meets the others, and the file of it: `switchyard doctor
// node` writes it, `doctor compare` reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/json.h"

namespace sy {

// A folder that was written to.
struct FolderFacts {
  std::string path;
  double free_bytes = 0;
  double bytes_per_second = 0;  // written and synced; 0 where that is not measured
  std::string error;            // why it cannot be written to; empty if it can
};

// A process that is not this program's, and the cores that it keeps busy.
struct ForeignProcess {
  int64_t pid = 0;
  std::string user, command;
  double cores = 0;
};

// As nvidia-smi has it.
struct GpuFacts {
  int64_t index = 0;
  std::string uuid, name;
  int64_t uncorrected_errors = 0;      // of memory, since the driver was loaded
  std::vector<std::string> slowed_by;  // "hw_thermal_slowdown"
  bool remapping_pending = false;      // a row of memory is replaced at the next reset
  bool remapping_failed = false;
  double bfloat16_flops = 0;  // of large products; 0 without the CUDA backend
};

struct NodeFacts {
  std::string node;    // as the scheduler calls it (SLURMD_NODENAME), else its host name
  double started = 0;  // seconds since 1970, by its own clock
  bool clock_synchronised = false;
  int64_t cores = 0;               // of the node
  int64_t allowed_cores = 0;       // that this program may use
  double locked_memory_bytes = 0;  // RLIMIT_MEMLOCK; -1: unlimited
  bool rdma = false;               // there is an InfiniBand or RoCE adapter
  FolderFacts shared_memory;       // /dev/shm
  std::vector<FolderFacts> folders;
  std::vector<ForeignProcess> foreign;
  double memory_bytes_per_second = 0;
  double float32_flops = 0;
  std::vector<GpuFacts> gpus;
  std::vector<ForeignProcess> gpu_processes;  // foreign ones
  std::string gpu_error;                      // of nvidia-smi, where it is installed and fails
};

// One object; keys are the members' names.
Json node_json(const NodeFacts& facts);

// Writes `folder`/NODE.json, whole or not at all; makes the folder. Throws RuntimeFailure.
void write_node_facts(const NodeFacts& facts, const std::string& folder);

// Throws DataError naming the file and the remedy.
NodeFacts read_node_facts(const std::string& path);

}  // namespace sy
