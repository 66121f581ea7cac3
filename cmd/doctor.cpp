#include <algorithm>
#include <filesystem>
#include <map>

#include "cmd/commands.h"
#include "cmd/doctor_probes.h"
#include "cmd/parallel.h"
#include "kernels/gemm/gemm.h"
#include "lib/base/log.h"
#include "lib/tensor/cuda/cuda_device.h"
#include "lib/train/matrix_rate.h"

namespace sy {
namespace {

constexpr double kMega = 1e6, kGiga = 1e9, kTera = 1e12;
// Ranks of one job wait for the slowest of them.
constexpr double kSlowRank = 0.5;

// One line a finding from rank 0, and the count of those that need attention.
class Report {
 public:
  void line(const std::string& subject, const std::string& finding, const std::string& complaint) {
    const std::string verdict = complaint.empty() ? "ok" : "ATTENTION: " + complaint;
    log::line(fmt::format("{:<20} {:<56} {}", subject, finding, verdict));
    if (!complaint.empty()) ++complaints_;
  }
  int complaints() const { return complaints_; }

 private:
  int complaints_ = 0;
};

std::string slow_rank(const Spread& spread, const std::vector<std::string>& hosts) {
  if (spread.least >= kSlowRank * spread.most) return "";
  return fmt::format("rank {} on {} is slow, and all wait for it", spread.least_rank,
                     hosts[static_cast<size_t>(spread.least_rank)]);
}

void report_ranks(Report& report, const std::vector<std::string>& hosts) {
  std::map<std::string, int> ranks;
  for (const std::string& host : hosts) ++ranks[host];
  int least = static_cast<int>(hosts.size()), most = 0;
  for (const auto& [host, count] : ranks) {
    least = std::min(least, count);
    most = std::max(most, count);
  }
  const std::string each =
      least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
  report.line(
      "MPI",
      fmt::format("ranks: {}, nodes: {}, ranks a node: {}", hosts.size(), ranks.size(), each),
      least == most ? "" : "nodes have unequal numbers of ranks");
}

void report_collectives(Report& report, Communicator& world) {
  if (world.size() == 1) {
    report.line("collectives", "one rank: none to measure; start it under mpirun", "");
    return;
  }
  constexpr int64_t kBytes = 16 << 20;
  report.line("collective latency",
              fmt::format("all-reduce of 4 bytes: {:.1f} us", 1e6 * all_reduce_seconds(world, 4)),
              "");
  const double ranks = world.size();
  // What each rank sends: a ring's share, and all but its own block.
  const double reduced = 2 * (ranks - 1) / ranks * kBytes / all_reduce_seconds(world, kBytes);
  const double exchanged = (ranks - 1) / ranks * kBytes / all_to_all_seconds(world, kBytes);
  report.line("all-reduce", fmt::format("16 MiB: {:.0f} MB/s a rank", reduced / kMega), "");
  report.line("all-to-all", fmt::format("16 MiB: {:.0f} MB/s a rank", exchanged / kMega), "");
}

void report_threads(Report& report, const Parallel& parallel, Communicator& world) {
  const int bound = allowed_cores(), node = node_cores(), threads = parallel.threads;
  const Spread own = spread_of(world, static_cast<double>(bound) / threads);
  const Spread shared = spread_of(world, static_cast<double>(node) / parallel.mpi.local_size());
  std::string complaint;
  if (shared.least < threads) complaint = "more threads than the node has cores: use fewer ranks";
  if (own.least < 1) complaint = "more threads than cores: mind OMP_NUM_THREADS and --bind-to";
  report.line("threads",
              fmt::format("{} a rank, on {} of the node's {} cores", threads, bound, node),
              complaint);
}

// Whether precision: bfloat16 would pay on these processors: having the instructions is not enough.
void report_bfloat16(Report& report, Communicator& world, int threads, const Spread& float32) {
  const bool able = bfloat16_products(Backend::cpu) != Bfloat16Products::none;
  const Spread rate =
      spread_of(world, able ? measure_matrix_rate(Backend::cpu, threads, DType::bf16) : 0);
  if (rate.least == 0) return report.line("bfloat16 products", "not on every rank", "");
  report.line("bfloat16 products",
              fmt::format("{:.1f} GFLOP/s a rank, {:.2f} times float32", rate.least / kGiga,
                          rate.least / float32.least),
              "");
}

void report_compute(Report& report, Communicator& world, int threads,
                    const std::vector<std::string>& hosts) {
  world.barrier("doctor compute");
  const Spread matrix = spread_of(world, measure_matrix_rate(Backend::cpu, threads));
  report.line("matrix products",
              fmt::format("float32: {:.1f} GFLOP/s a rank, {:.1f} in all", matrix.least / kGiga,
                          matrix.sum / kGiga),
              slow_rank(matrix, hosts));
  report_bfloat16(report, world, threads, matrix);
  const Spread memory = spread_of(world, memory_bandwidth(threads));
  report.line(
      "memory",
      fmt::format("{:.1f} GB/s a rank, {:.1f} in all", memory.least / kGiga, memory.sum / kGiga),
      slow_rank(memory, hosts));
}

// Every rank's GPU, or why there is none: a rank without is a fault where others have one.
void report_gpus(Report& report, Parallel& parallel, const std::vector<std::string>& hosts) {
  Communicator& world = parallel.mpi.world();
  const std::string reason = why_no_cuda_device();
  const Spread usable = spread_of(world, reason.empty() ? 1 : 0);
  if (usable.most == 0) return report.line("CUDA", "not used: " + reason, "");
  if (usable.least == 0) {
    const std::string& host = hosts[static_cast<size_t>(usable.least_rank)];
    return report.line("CUDA", "some ranks have a GPU",
                       fmt::format("rank {} on {} has none", usable.least_rank, host));
  }
  report.line("CUDA", use_cuda_device(parallel.mpi.local_rank()), "");
  const Spread rate = spread_of(world, measure_matrix_rate(Backend::cuda, 1, DType::bf16));
  report.line("GPU matrix products",
              fmt::format("bfloat16: {:.1f} TFLOP/s a rank", rate.least / kTera),
              slow_rank(rate, hosts));
  if (world.size() == 1) return;
  constexpr int64_t kBytes = 64 << 20;
  const double ranks = world.size();
  const double reduced = 2 * (ranks - 1) / ranks * kBytes / gpu_all_reduce_seconds(world, kBytes);
  report.line("NCCL all-reduce", fmt::format("64 MiB: {:.1f} GB/s a rank", reduced / kGiga), "");
}

// What this rank writes a second, 0 where it cannot; why is told at once.
double try_writing(const std::string& folder, int rank) {
  constexpr int64_t kBytes = 32 << 20;
  try {
    return hdf5_write_rate(folder, rank, kBytes);
  } catch (const RuntimeFailure& failure) {
    log::warning(failure.what());
    return 0;
  }
}

void report_disk(Report& report, Communicator& world, const std::string& folder) {
  world.barrier("doctor disk");
  const Spread written = spread_of(world, try_writing(folder, world.rank()));
  report.line("HDF5 " + hdf5_version(),
              fmt::format("writes {:.0f} MB/s in all, synced, in {}", written.sum / kMega, folder),
              written.least > 0 ? "" : fmt::format("rank {} cannot write", written.least_rank));
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  const double free = error ? 0 : static_cast<double>(space.available);
  report.line("file system", fmt::format("{:.1f} GB free in {}", free / kGiga, folder),
              error               ? error.message()
              : free < 10 * kGiga ? "little room for checkpoints"
                                  : "");
}

ExitCode examine(const std::string& folder) {
  Parallel parallel{RunSection{}};
  Communicator& world = parallel.mpi.world();
  Report report;
  const std::vector<std::string> hosts = gather_hosts(world);
  report_ranks(report, hosts);
  report_collectives(report, world);
  report_threads(report, parallel, world);
  report_compute(report, world, parallel.threads, hosts);
  report_disk(report, world, folder);
  report_gpus(report, parallel, hosts);
  log::line(report.complaints() == 0
                ? "healthy"
                : fmt::format("not healthy: {} of these need attention", report.complaints()));
  return report.complaints() == 0 ? ExitCode::done : ExitCode::failed;
}

}  // namespace

Run setup_doctor(CLI::App& app) {
  auto folder = std::make_shared<std::string>("runs");
  app.add_option("--folder", *folder, "folder of the runs (run.directory), where writing is tried")
      ->capture_default_str();
  return [folder] { return examine(*folder); };
}

}  // namespace sy
