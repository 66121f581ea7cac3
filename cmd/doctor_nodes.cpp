// SPDX-License-Identifier: Apache-2.0
#include "cmd/doctor_nodes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>

#include "lib/base/log.h"
#include "lib/checkpoint/durable.h"
#include "lib/measure/compare_nodes.h"
#include "lib/measure/examine_node.h"

namespace sy {
namespace {

struct NodeOptions {
  std::string folder = "runs", output;
  NodeLimits limits;
};

struct CompareOptions {
  std::string folder;
  std::vector<std::string> nodes;
  NodeLimits limits;
};

void add_own_limits(CLI::App& app, NodeLimits& limits) {
  app.add_option("--most-foreign-cores", limits.most_foreign_cores,
                 "cores that processes of others may keep busy")
      ->capture_default_str();
  app.add_option("--least-free-bytes", limits.least_free_bytes,
                 "free space in run.directory and TMPDIR")
      ->capture_default_str();
  app.add_option("--least-shared-bytes", limits.least_shared_bytes, "free space in /dev/shm")
      ->capture_default_str();
}

void add_comparison_limits(CLI::App& app, NodeLimits& limits) {
  app.add_option("--least-rate", limits.least_rate,
                 "rate of memory and products, as a share of the others' median")
      ->capture_default_str();
  app.add_option("--least-disk-rate", limits.least_disk_rate, "the same of writing to folders")
      ->capture_default_str();
  app.add_option("--most-clock-seconds", limits.most_clock_seconds,
                 "between a node's start, by its own clock, and the others'")
      ->capture_default_str();
}

// Also refuses NaN, which no rate or number is below.
void check_limit(const char* option, double value, double most, const char* wanted) {
  if (value >= 0 && value <= most) return;
  throw ConfigError(fmt::format("{}: {} is out of range; give {}", option, value, wanted));
}

void check_limits(const NodeLimits& limits) {
  constexpr double kAny = std::numeric_limits<double>::infinity();
  const char* share = "a share of the others' rate from 0 to 1";
  check_limit("--most-foreign-cores", limits.most_foreign_cores, kAny,
              "a number of cores, 0 or more");
  check_limit("--least-free-bytes", limits.least_free_bytes, kAny, "a number of bytes, 0 or more");
  check_limit("--least-shared-bytes", limits.least_shared_bytes, kAny,
              "a number of bytes, 0 or more");
  check_limit("--least-rate", limits.least_rate, 1, share);
  check_limit("--least-disk-rate", limits.least_disk_rate, 1, share);
  check_limit("--most-clock-seconds", limits.most_clock_seconds, kAny,
              "a number of seconds, 0 or more");
}

void check_names(const CompareOptions& options) {
  for (const std::string& name : options.nodes) {
    if (!name.empty()) continue;
    throw ConfigError(
        "--nodes: a name is empty; give the names of all nodes with commas between, or leave "
        "--nodes out");
  }
}

ExitCode examine(const NodeOptions& options) {
  check_limits(options.limits);
  const NodeFacts facts = examine_node(options.folder);
  const auto complaints = judge_node(facts, options.limits);
  for (const std::string& complaint : complaints) log::warn("{}: {}", facts.node, complaint);
  if (!options.output.empty()) {
    write_node_facts(facts, options.output);
    return ExitCode::done;  // mpirun ends the other nodes' when one ends with another code
  }
  log::line(json_line(node_json(facts)));
  return complaints.empty() ? ExitCode::done : ExitCode::failed;
}

std::vector<std::filesystem::path> node_files(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The nodes' facts, in the order of their files' names. A file that cannot be read is a complaint.
// With --nodes, nodes have the names from there, and others, of an earlier check, are left out.
std::vector<NodeFacts> read_nodes(const CompareOptions& options, Complaints& unread) {
  std::vector<NodeFacts> nodes;
  for (const auto& path : node_files(options.folder)) {
    const std::string own = path.stem();
    const std::string name = options.nodes.empty() ? own : name_among(options.nodes, own);
    if (name.empty()) {
      log::info("{} is left out: --nodes does not name {}", path.string(), own);
      continue;
    }
    try {
      nodes.push_back(read_node_facts(path));
      nodes.back().node = name;
    } catch (const DataError& failure) {
      unread[name].emplace_back(failure.what());
    }
  }
  return nodes;
}

void add_silent(const CompareOptions& options, Complaints& complaints) {
  for (const std::string& node : options.nodes) {
    if (complaints.contains(node)) continue;
    complaints[node].push_back(fmt::format(
        "it wrote nothing into {}: the program does not run or end there, or the folder is not "
        "shared",
        options.folder));
  }
}

void print_rates(const NodeFacts& node) {
  log::info("{}: float32 GEMM {:.1f} GFLOP/s, memory {:.1f} GB/s, writes {:.0f} MB/s{}", node.node,
            node.float32_flops / 1e9, node.memory_bytes_per_second / 1e9,
            node.folders.empty() ? 0 : node.folders.front().bytes_per_second / 1e6,
            node.clock_synchronised ? "" : "; no time service sets its clock");
}

// Prints each node's verdict and returns the names of the bad ones.
std::vector<std::string> print_verdicts(const Complaints& complaints) {
  std::vector<std::string> bad;
  for (const auto& [node, reasons] : complaints) {
    if (!reasons.empty()) bad.push_back(node);
    log::line(reasons.empty() ? node + ": good"
                              : fmt::format("{}: BAD: {}", node, fmt::join(reasons, "; ")));
  }
  return bad;
}

ExitCode compare(const CompareOptions& options) {
  check_limits(options.limits);
  check_names(options);
  Complaints unread;
  const std::vector<NodeFacts> nodes = read_nodes(options, unread);
  if (nodes.empty() && options.nodes.empty()) {
    throw DataError(
        fmt::format("{} has no node's file; `switchyard doctor node --output {}` on "
                    "each node writes them",
                    options.folder, options.folder));
  }
  Complaints complaints = judge_nodes(nodes, options.limits);
  complaints.merge(unread);
  add_silent(options, complaints);
  for (const NodeFacts& node : nodes) print_rates(node);
  const std::vector<std::string> bad = print_verdicts(complaints);
  log::line(describe_limits(options.limits));
  const std::string names = fmt::format("{}", fmt::join(bad, ","));
  const std::string path = options.folder + "/exclude.txt";
  checkpoint::make_folder(options.folder);
  checkpoint::write_synced(path, names);
  if (bad.empty()) return ExitCode::done;
  log::info("leave out {} of {} nodes (also in {}): --exclude={}", bad.size(), complaints.size(),
            path, names);
  return ExitCode::failed;
}

}  // namespace

Run setup_doctor_node(CLI::App& app) {
  auto options = std::make_shared<NodeOptions>();
  app.add_option("--folder", options->folder, "directory to test writing in: run.directory")
      ->capture_default_str();
  app.add_option("--output", options->output,
                 "folder that gets NODE.json, for `doctor compare` to judge; without it, the "
                 "same is printed, and the exit code is the verdict");
  add_own_limits(app, options->limits);
  return [options] { return examine(*options); };
}

Run setup_doctor_compare(CLI::App& app) {
  auto options = std::make_shared<CompareOptions>();
  app.add_option("FOLDER", options->folder, "the --output of `doctor node` on each node")
      ->required();
  app.add_option("--nodes", options->nodes,
                 "names of all nodes, with commas between; files of others are left out")
      ->delimiter(',');
  add_own_limits(app, options->limits);
  add_comparison_limits(app, options->limits);
  return [options] { return compare(*options); };
}

}  // namespace sy
