// SPDX-License-Identifier: Apache-2.0
// One node of four is out of order, and it alone is named, for its reason.
#include "lib/measure/compare_nodes.h"

#include <catch2/catch.hpp>

#include <functional>

#include "tests/measure/nodes.h"

namespace sy {
namespace {

std::vector<NodeFacts> good_nodes() {
  std::vector<NodeFacts> nodes;
  for (const char* name : {"node1", "node2", "node3", "node4"}) {
    nodes.push_back(test::good_node(name));
  }
  return nodes;
}

// What is said of node3 after `change`; of the others nothing may be said.
std::string complaint_after(const std::function<void(NodeFacts&)>& change) {
  std::vector<NodeFacts> nodes = good_nodes();
  change(nodes[2]);
  std::string said;
  for (const auto& [node, complaints] : judge_nodes(nodes, NodeLimits{})) {
    CAPTURE(node, complaints);
    CHECK((node == "node3" || complaints.empty()));
    for (const std::string& complaint : complaints) said += complaint + "\n";
  }
  return said;
}

TEST_CASE("compare nodes: good ones are left alone", "[compare_nodes]") {
  CHECK(complaint_after([](NodeFacts&) {}).empty());
  CHECK(complaint_after([](NodeFacts& node) { node.float32_flops *= 0.81; }).empty());
  CHECK(complaint_after([](NodeFacts& node) { node.float32_flops *= 100; }).empty());
  CHECK(complaint_after([](NodeFacts& node) { node.started += 4.9; }).empty());
  CHECK(complaint_after([](NodeFacts& node) { node.folders[0].bytes_per_second *= 0.3; }).empty());
  CHECK(complaint_after([](NodeFacts& node) { node.locked_memory_bytes = 65536; }).empty());
}

TEST_CASE("compare nodes: a slow one", "[compare_nodes]") {
  CHECK(complaint_after([](NodeFacts& node) { node.float32_flops *= 0.79; }) ==
        "float32 GEMM: 79.0 GFLOP/s, 0.79 of the others' 100.0\n");
  CHECK(complaint_after([](NodeFacts& node) { node.memory_bytes_per_second /= 2; }) ==
        "memory: 5.0 GB/s, 0.50 of the others' 10.0\n");
  CHECK(complaint_after([](NodeFacts& node) { node.folders[0].bytes_per_second /= 10; }) ==
        "writing to run.directory: 100.0 MB/s, 0.10 of the others' 1000.0\n");
}

TEST_CASE("compare nodes: a clock that is wrong, either way", "[compare_nodes]") {
  CHECK(complaint_after([](NodeFacts& node) { node.started += 90; }) ==
        "by its clock it started 90.0 s after the others\n");
  CHECK(complaint_after([](NodeFacts& node) { node.started -= 7; }) ==
        "by its clock it started 7.0 s before the others\n");
}

TEST_CASE("compare nodes: folders without space, or that cannot be written", "[compare_nodes]") {
  CHECK(complaint_after([](NodeFacts& node) { node.shared_memory.free_bytes = 1 << 20; }) ==
        "/dev/shm has 1 MiB free\n");
  CHECK(complaint_after([](NodeFacts& node) { node.shared_memory.error = "full"; }) ==
        "/dev/shm: full\n");
  CHECK(complaint_after([](NodeFacts& node) { node.folders[1].free_bytes = 5e8; }) ==
        "runs has 0.5 GB free\n");
  CHECK(complaint_after([](NodeFacts& node) {
          node.folders[1].error = "runs: Read-only file system";
          node.folders[1].bytes_per_second = 0;
        }) == "runs: Read-only file system\n");
}

TEST_CASE("compare nodes: foreign processes count where they take this job's cores",
          "[compare_nodes]") {
  const ForeignProcess stress{12, "somebody", "stress", 0.9};
  CHECK(complaint_after([&](NodeFacts& node) { node.foreign = {stress}; }) ==
        "foreign processes take 0.9 cores, most of them stress of somebody (process 12)\n");
  CHECK(complaint_after([&](NodeFacts& node) {
          node.foreign = {stress};
          node.allowed_cores = 7;
        }).empty());
}

TEST_CASE("compare nodes: memory that an adapter cannot lock", "[compare_nodes]") {
  CHECK(complaint_after([](NodeFacts& node) {
          node.locked_memory_bytes = 65536;
          node.rdma = true;
        }) == "locked memory is limited to 64 KiB beside an InfiniBand adapter (ulimit -l)\n");
}

TEST_CASE("compare nodes: GPUs", "[compare_nodes]") {
  std::vector<NodeFacts> nodes = good_nodes();
  for (NodeFacts& node : nodes) {
    node.gpus.resize(2);
    for (GpuFacts& gpu : node.gpus) gpu.bfloat16_flops = 7e14;
  }
  const auto said_after = [&](const std::function<void(NodeFacts&)>& change) {
    std::vector<NodeFacts> changed = nodes;
    change(changed[2]);
    const Complaints complaints = judge_nodes(changed, NodeLimits{});
    CHECK(complaints.at("node1").empty());
    return complaints.at("node3").empty() ? "" : complaints.at("node3").front();
  };
  CHECK(said_after([](NodeFacts&) {}).empty());
  CHECK(said_after([](NodeFacts& node) { node.gpus[0].bfloat16_flops /= 2; }) ==
        "GPU's bfloat16 GEMM: 350.0 TFLOP/s, 0.50 of the others' 700.0");
  CHECK(said_after([](NodeFacts& node) { node.gpus[0].uncorrected_errors = 2; }) ==
        "GPU 0: 2 uncorrected errors of its memory");
  CHECK(said_after([](NodeFacts& node) { node.gpus[0].slowed_by = {"hw_slowdown"}; }) ==
        "GPU 0: slowed down (hw_slowdown)");
  CHECK(said_after([](NodeFacts& node) { node.gpus[0].remapping_pending = true; }) ==
        "GPU 0: a row of its memory waits for a reset");
  CHECK(said_after([](NodeFacts& node) { node.gpus.pop_back(); }) == "it has 1 GPUs, the others 2");
  CHECK(said_after([](NodeFacts& node) {
          node.gpu_processes = {{7, "somebody", "python", 0}};
        }) == "python of somebody (process 7) uses a GPU");
  CHECK(said_after([](NodeFacts& node) { node.gpu_error = "it does not answer"; }) ==
        "GPUs: it does not answer");
}

TEST_CASE("compare nodes: what names mean", "[compare_nodes]") {
  const std::vector<std::string> names = {"host1", "host2.cluster", "host2", "10.0.0.4"};
  CHECK(name_among(names, "host1") == "host1");
  CHECK(name_among(names, "host1.cluster") == "host1");
  CHECK(name_among(names, "host2") == "host2");
  CHECK(name_among({"host2.cluster"}, "host2") == "host2.cluster");
  CHECK(name_among({"host2.cluster"}, "host2.elsewhere").empty());
  CHECK(name_among(names, "10.0.0.5").empty());
  CHECK(name_among(names, "host12").empty());
}

TEST_CASE("compare nodes: one node has nobody to be compared with", "[compare_nodes]") {
  const Complaints complaints = judge_nodes({test::good_node("node1")}, NodeLimits{});
  CHECK(complaints.at("node1").empty());
}

}  // namespace
}  // namespace sy
