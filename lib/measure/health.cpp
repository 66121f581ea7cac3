// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/health.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "kernels/gemm/gemm.h"
#include "lib/base/log.h"
#include "lib/dist/gpu_sharing.h"
#include "lib/measure/gemm_rate.h"
#include "lib/measure/probes.h"
#include "lib/tensor/cuda/cuda_device.h"

namespace sy {
namespace {

constexpr double kMega = 1e6, kGiga = 1e9, kTera = 1e12;
constexpr double kMinFreeBytes = 10 * kGiga;
// A rank slower than this share of the fastest one holds up the job: all ranks wait for the
// slowest.
constexpr double kSlowRank = 0.5;

class HealthCheck {
 public:
  HealthCheck(MpiEnvironment& mpi, int threads, const FindingSink& report)
      : mpi_(mpi), world_(mpi.world()), threads_(threads), report_(report) {}

  void ranks() const;
  void collectives() const;
  void threads() const;
  void compute() const;
  void disk(const std::string& folder) const;
  void gpus() const;

 private:
  void bfloat16(const Spread& float32) const;
  std::string slow_rank(const Spread& rates) const;
  const std::string& host(int rank) const { return hosts_[static_cast<size_t>(rank)]; }
  // Payload that a rank sends in a ring all-reduce, and in an all-to-all without its own block.
  double ring_bytes(int64_t bytes) const { return 2 * exchanged_bytes(bytes); }
  double exchanged_bytes(int64_t bytes) const {
    const double ranks = world_.size();
    return (ranks - 1) / ranks * static_cast<double>(bytes);
  }

  MpiEnvironment& mpi_;
  Communicator& world_;
  const int threads_;
  const FindingSink& report_;
  const std::vector<std::string> hosts_ = gather_hosts(world_);
};

std::string HealthCheck::slow_rank(const Spread& rates) const {
  if (rates.min >= kSlowRank * rates.max) return "";
  return fmt::format("rank {} on {} is slow and holds up all others", rates.min_rank,
                     host(rates.min_rank));
}

void HealthCheck::ranks() const {
  std::map<std::string, int> ranks_by_host;
  for (const std::string& host : hosts_) ++ranks_by_host[host];
  int fewest = world_.size(), most = 0;
  for (const auto& [host, count] : ranks_by_host) {
    fewest = std::min(fewest, count);
    most = std::max(most, count);
  }
  const bool even = fewest == most;
  const std::string each = even ? fmt::format("{}", fewest) : fmt::format("{} to {}", fewest, most);
  report_({"MPI",
           fmt::format("ranks: {}, nodes: {}, ranks per node: {}", hosts_.size(),
                       ranks_by_host.size(), each),
           even ? "" : "nodes have unequal numbers of ranks"});
}

void HealthCheck::collectives() const {
  if (world_.size() == 1) {
    return report_({"collectives", "one rank, nothing to measure; start it under mpirun", ""});
  }
  constexpr int64_t kBytes = 16 << 20;
  report_({"collective latency",
           fmt::format("all-reduce of 4 bytes: {:.1f} us", 1e6 * all_reduce_seconds(world_, 4)),
           ""});
  const double reduced = ring_bytes(kBytes) / all_reduce_seconds(world_, kBytes);
  const double exchanged = exchanged_bytes(kBytes) / all_to_all_seconds(world_, kBytes);
  report_({"all-reduce", fmt::format("16 MiB: {:.0f} MB/s per rank", reduced / kMega), ""});
  report_({"all-to-all", fmt::format("16 MiB: {:.0f} MB/s per rank", exchanged / kMega), ""});
}

void HealthCheck::threads() const {
  const int allowed = allowed_cores(), node = node_cores();
  const Spread own = spread_of(world_, static_cast<double>(allowed) / threads_);
  const Spread shared = spread_of(world_, static_cast<double>(node) / mpi_.local_size());
  std::string complaint;
  if (shared.min < threads_) complaint = "more threads than the node has cores: use fewer ranks";
  if (own.min < 1) complaint = "more threads than cores: check OMP_NUM_THREADS and --bind-to";
  report_({"threads",
           fmt::format("{} per rank, on {} of the node's {} cores", threads_, allowed, node),
           complaint});
}

// Whether `precision: bfloat16` pays on these CPUs: having the instructions is not enough.
void HealthCheck::bfloat16(const Spread& float32) const {
  const Spread rate =
      spread_of(world_, measure_peak_gemm_rate(Backend::cpu, threads_, DType::bf16));
  report_({"bfloat16 GEMM",
           fmt::format("{:.1f} GFLOP/s per rank, {:.2f} times float32", rate.min / kGiga,
                       rate.min / float32.min),
           ""});
}

void HealthCheck::compute() const {
  world_.barrier("doctor compute");
  const Spread gemm = spread_of(world_, measure_peak_gemm_rate(Backend::cpu, threads_));
  report_(
      {"float32 GEMM",
       fmt::format("{:.1f} GFLOP/s per rank, {:.1f} in total", gemm.min / kGiga, gemm.sum / kGiga),
       slow_rank(gemm)});
  bfloat16(gemm);
  const Spread memory = spread_of(world_, memory_bandwidth(threads_));
  report_(
      {"memory",
       fmt::format("{:.1f} GB/s per rank, {:.1f} in total", memory.min / kGiga, memory.sum / kGiga),
       slow_rank(memory)});
}

// This rank's write rate; 0 where it cannot write, after a warning that says why.
double try_writing(const std::string& folder, int rank) {
  constexpr int64_t kBytes = 32 << 20;
  try {
    return hdf5_write_rate(folder, rank, kBytes);
  } catch (const RuntimeFailure& failure) {
    log::warning(failure.what());
    return 0;
  }
}

void HealthCheck::disk(const std::string& folder) const {
  world_.barrier("doctor disk");
  const Spread written = spread_of(world_, try_writing(folder, world_.rank()));
  report_({"HDF5 " + hdf5_version(),
           fmt::format("writes {:.0f} MB/s in total, synced, in {}", written.sum / kMega, folder),
           written.min > 0 ? "" : fmt::format("rank {} cannot write", written.min_rank)});
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  const double free = error ? 0 : static_cast<double>(space.available);
  std::string complaint = error ? error.message() : "";
  if (!error && free < kMinFreeBytes) complaint = "little space for checkpoints";
  report_({"file system", fmt::format("{:.1f} GB free in {}", free / kGiga, folder), complaint});
}

// A rank without a GPU is a complaint only if others have one.
void HealthCheck::gpus() const {
  const std::string reason = why_no_cuda_device();
  const Spread usable = spread_of(world_, reason.empty() ? 1 : 0);
  if (usable.max == 0) return report_({"CUDA", "not used: " + reason, ""});
  if (usable.min == 0) {
    return report_({"CUDA", "some ranks have a GPU",
                    fmt::format("rank {} on {} has none", usable.min_rank, host(usable.min_rank))});
  }
  const std::string device = use_cuda_device(mpi_.local_rank());
  const std::string shared = gpu_sharing(world_, mpi_.local_size());
  report_({"CUDA", device, shared});
  const Spread rate = spread_of(world_, measure_peak_gemm_rate(Backend::cuda, 1, DType::bf16));
  report_({"GPU GEMM", fmt::format("bfloat16: {:.1f} TFLOP/s per rank", rate.min / kTera),
           slow_rank(rate)});
  if (world_.size() == 1 || !shared.empty()) return;
  constexpr int64_t kBytes = 64 << 20;
  const double reduced = ring_bytes(kBytes) / gpu_all_reduce_seconds(world_, kBytes);
  report_({"NCCL all-reduce", fmt::format("64 MiB: {:.1f} GB/s per rank", reduced / kGiga), ""});
}

}  // namespace

void check_health(MpiEnvironment& mpi, int threads, const std::string& folder,
                  const FindingSink& report) {
  const HealthCheck check(mpi, threads, report);
  check.ranks();
  check.collectives();
  check.threads();
  check.compute();
  check.disk(folder);
  check.gpus();
}

}  // namespace sy
