// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/examine_node.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/process.h"
#include "lib/measure/foreign_processes.h"
#include "lib/measure/gemm_rate.h"
#include "lib/measure/gpu_health.h"
#include "lib/measure/probes.h"

namespace sy {
namespace {

constexpr double kWatched = 0.5;  // seconds

std::string node_name() {
  const char* name = std::getenv("SLURMD_NODENAME");
  return name == nullptr ? host_name() : name;
}

double now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

// Whether a time service has set this node's clock, as the kernel has it.
bool clock_is_synchronised() {
  timex state{};
  const int status = adjtimex(&state);
  return status >= 0 && status != TIME_ERROR;
}

double locked_memory_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? -1 : static_cast<double>(limit.rlim_cur);
}

bool has_rdma() {
  std::error_code error;
  return !std::filesystem::is_empty("/sys/class/infiniband", error) && !error;
}

double free_bytes(const std::string& folder) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  return error ? 0 : static_cast<double>(space.available);
}

FolderFacts try_shared_memory() {
  FolderFacts shared;
  shared.path = "/dev/shm";
  const std::string path = fmt::format("{}/switchyard-doctor-{}", shared.path, getpid());
  constexpr size_t kBytes = 1 << 20;
  std::ofstream file(path, std::ios::binary);
  file << std::string(kBytes, 's') << std::flush;
  if (!file) shared.error = "it cannot be written to";
  file.close();
  std::error_code error;
  std::filesystem::remove(path, error);
  shared.free_bytes = free_bytes(shared.path);
  return shared;
}

FolderFacts try_folder(const std::string& path) {
  constexpr int64_t kBytes = 32 << 20;
  FolderFacts folder;
  folder.path = path;
  try {
    folder.bytes_per_second = hdf5_write_rate(path, 0, kBytes);
  } catch (const RuntimeFailure& failure) {
    folder.error = failure.what();
  }
  folder.free_bytes = free_bytes(path);
  return folder;
}

void try_gpus(NodeFacts& facts) {
  try {
    measure_gpus(facts);
  } catch (const RuntimeFailure& failure) {
    facts.gpu_error = failure.what();
  }
}

}  // namespace

NodeFacts examine_node(const std::string& folder) {
  NodeFacts facts;
  facts.node = node_name();
  facts.started = now();
  facts.foreign = find_busy_processes(kWatched);
  ask_gpus(facts);
  facts.clock_synchronised = clock_is_synchronised();
  facts.cores = node_cores();
  facts.allowed_cores = allowed_cores();
  facts.locked_memory_bytes = locked_memory_limit();
  facts.rdma = has_rdma();
  facts.shared_memory = try_shared_memory();
  facts.memory_bytes_per_second = memory_bandwidth(allowed_cores());
  facts.float32_flops = measure_peak_gemm_rate(Backend::cpu, allowed_cores());
  try_gpus(facts);
  const char* temporary = std::getenv("TMPDIR");
  facts.folders = {try_folder(folder), try_folder(temporary == nullptr ? "/tmp" : temporary)};
  return facts;
}

}  // namespace sy
