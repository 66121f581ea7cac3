// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/judge_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sy {
namespace {

constexpr double kMebi = 1 << 20, kGiga = 1e9;

// Collects what is wrong with one node.
class NodeJudge {
 public:
  NodeJudge(const NodeFacts& facts, const NodeLimits& limits) : facts_(facts), limits_(limits) {}

  void shared_memory();
  void locked_memory();
  void folders();
  void foreign_processes();
  void gpus();
  std::vector<std::string> complaints() && { return std::move(complaints_); }

 private:
  template <class... Args>
  void complain(fmt::format_string<Args...> format, Args&&... args) {
    complaints_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  void gpu(const GpuFacts& gpu);

  const NodeFacts& facts_;
  const NodeLimits& limits_;
  std::vector<std::string> complaints_;
};

void NodeJudge::shared_memory() {
  const FolderFacts& shared = facts_.shared_memory;
  if (!shared.error.empty()) return complain("/dev/shm: {}", shared.error);
  if (shared.free_bytes < limits_.least_shared_bytes) {
    complain("/dev/shm has {:.0f} MiB free", shared.free_bytes / kMebi);
  }
}

// Adapters that read memory themselves need it locked.
void NodeJudge::locked_memory() {
  if (!facts_.rdma || facts_.locked_memory_bytes < 0) return;
  complain("locked memory is limited to {:.0f} KiB beside an InfiniBand adapter (ulimit -l)",
           facts_.locked_memory_bytes / 1024);
}

void NodeJudge::folders() {
  for (const FolderFacts& folder : facts_.folders) {
    if (!folder.error.empty()) {
      complain("{}", folder.error);
    } else if (folder.free_bytes < limits_.least_free_bytes) {
      complain("{} has {:.1f} GB free", folder.path, folder.free_bytes / kGiga);
    }
  }
}

// On a node that is shared, others may use the cores that this program may not.
void NodeJudge::foreign_processes() {
  if (facts_.foreign.empty()) return;
  double cores = static_cast<double>(facts_.allowed_cores - facts_.cores);
  for (const ForeignProcess& process : facts_.foreign) cores += process.cores;
  if (cores <= limits_.most_foreign_cores) return;
  const ForeignProcess& first = facts_.foreign.front();
  complain("foreign processes take {:.1f} cores, most of them {} of {} (process {})", cores,
           first.command, first.user, first.pid);
}

void NodeJudge::gpu(const GpuFacts& gpu) {
  if (gpu.uncorrected_errors > 0) {
    complain("GPU {}: {} uncorrected errors of its memory", gpu.index, gpu.uncorrected_errors);
  }
  if (gpu.remapping_pending) complain("GPU {}: a row of its memory waits for a reset", gpu.index);
  if (gpu.remapping_failed) complain("GPU {}: a row of its memory cannot be replaced", gpu.index);
  if (!gpu.slowed_by.empty()) {
    complain("GPU {}: slowed down ({})", gpu.index, fmt::join(gpu.slowed_by, ", "));
  }
}

void NodeJudge::gpus() {
  if (!facts_.gpu_error.empty()) complain("GPUs: {}", facts_.gpu_error);
  for (const GpuFacts& each : facts_.gpus) gpu(each);
  for (const ForeignProcess& process : facts_.gpu_processes) {
    complain("{} of {} (process {}) uses a GPU", process.command, process.user, process.pid);
  }
}

}  // namespace

std::vector<std::string> judge_node(const NodeFacts& facts, const NodeLimits& limits) {
  NodeJudge judge(facts, limits);
  judge.shared_memory();
  judge.locked_memory();
  judge.folders();
  judge.foreign_processes();
  judge.gpus();
  return std::move(judge).complaints();
}

std::string describe_limits(const NodeLimits& limits) {
  return fmt::format(
      "limits: memory and GEMM at least {:g} of the others' median, writing {:g}; clocks within "
      "{:g} s; foreign processes at most {:g} cores; free {:g} GB in run.directory and TMPDIR, "
      "{:.0f} MiB in /dev/shm",
      limits.least_rate, limits.least_disk_rate, limits.most_clock_seconds,
      limits.most_foreign_cores, limits.least_free_bytes / kGiga,
      limits.least_shared_bytes / kMebi);
}

}  // namespace sy
