// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/compare_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr double kMega = 1e6, kGiga = 1e9, kTera = 1e12;

// A value of a node, to be compared with the others'.
struct Sample {
  std::string node;
  double value = 0;
};
using Samples = std::vector<Sample>;

// Calls complain(sample, median of the others) for every sample that has others.
template <class Complain>
void compare(const Samples& samples, Complain&& complain) {
  for (size_t i = 0; i < samples.size(); ++i) {
    std::vector<double> others;
    for (size_t j = 0; j < samples.size(); ++j) {
      if (j != i) others.push_back(samples[j].value);
    }
    if (!others.empty()) complain(samples[i], median(std::move(others)));
  }
}

// Compares the nodes with each other.
class NodeComparison {
 public:
  NodeComparison(const std::vector<NodeFacts>& nodes, const NodeLimits& limits,
                 Complaints& complaints)
      : nodes_(nodes), limits_(limits), complaints_(complaints) {}

  // Rates are in `unit`, which is so many per second.
  void rates(const Samples& samples, double least, const std::string& what, double unit,
             const char* unit_name);
  void clocks();
  void gpu_counts();
  void all();

 private:
  template <class Value>
  Samples collect(Value&& value) const {
    Samples samples;
    for (const NodeFacts& node : nodes_) samples.push_back({node.node, value(node)});
    return samples;
  }
  Samples folder_rates(size_t folder) const;
  Samples gpu_rates() const;

  const std::vector<NodeFacts>& nodes_;
  const NodeLimits& limits_;
  Complaints& complaints_;
};

void NodeComparison::rates(const Samples& samples, double least, const std::string& what,
                           double unit, const char* unit_name) {
  compare(samples, [&](const Sample& sample, double others) {
    if (sample.value >= least * others) return;
    complaints_[sample.node].push_back(fmt::format("{}: {:.1f} {}, {:.2f} of the others' {:.1f}",
                                                   what, sample.value / unit, unit_name,
                                                   sample.value / others, others / unit));
  });
}

void NodeComparison::clocks() {
  const auto started = collect([](const NodeFacts& node) { return node.started; });
  compare(started, [&](const Sample& sample, double others) {
    const double late = sample.value - others;
    if (std::abs(late) <= limits_.most_clock_seconds) return;
    complaints_[sample.node].push_back(fmt::format("by its clock it started {:.1f} s {} the others",
                                                   std::abs(late), late > 0 ? "after" : "before"));
  });
}

void NodeComparison::gpu_counts() {
  const auto counts =
      collect([](const NodeFacts& node) { return static_cast<double>(node.gpus.size()); });
  compare(counts, [&](const Sample& sample, double others) {
    if (sample.value >= others) return;
    complaints_[sample.node].push_back(
        fmt::format("it has {:.0f} GPUs, the others {:.0f}", sample.value, others));
  });
}

Samples NodeComparison::folder_rates(size_t folder) const {
  Samples samples;
  for (const NodeFacts& node : nodes_) {
    if (folder >= node.folders.size() || !node.folders[folder].error.empty()) continue;
    samples.push_back({node.node, node.folders[folder].bytes_per_second});
  }
  return samples;
}

Samples NodeComparison::gpu_rates() const {
  Samples samples;
  for (const NodeFacts& node : nodes_) {
    for (const GpuFacts& gpu : node.gpus) samples.push_back({node.node, gpu.bfloat16_flops});
  }
  return samples;
}

void NodeComparison::all() {
  const auto memory = [](const NodeFacts& node) { return node.memory_bytes_per_second; };
  const auto products = [](const NodeFacts& node) { return node.float32_flops; };
  rates(collect(memory), limits_.least_rate, "memory", kGiga, "GB/s");
  rates(collect(products), limits_.least_rate, "float32 GEMM", kGiga, "GFLOP/s");
  rates(gpu_rates(), limits_.least_rate, "GPU's bfloat16 GEMM", kTera, "TFLOP/s");
  rates(folder_rates(0), limits_.least_disk_rate, "writing to run.directory", kMega, "MB/s");
  rates(folder_rates(1), limits_.least_disk_rate, "writing to TMPDIR", kMega, "MB/s");
  clocks();
  gpu_counts();
}

}  // namespace

std::string name_among(const std::vector<std::string>& names, const std::string& host) {
  if (std::ranges::count(names, host) > 0) return host;
  const auto means_host = [&host](const std::string& name) {
    const auto shortened = [](const std::string& of) { return of.substr(0, of.find('.')); };
    return name == shortened(host) || shortened(name) == host;
  };
  const auto found = std::ranges::find_if(names, means_host);
  return found == names.end() ? "" : *found;
}

Complaints judge_nodes(const std::vector<NodeFacts>& nodes, const NodeLimits& limits) {
  Complaints complaints;
  for (const NodeFacts& node : nodes) complaints[node.node] = judge_node(node, limits);
  NodeComparison(nodes, limits, complaints).all();
  return complaints;
}

}  // namespace sy
