// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/examine_node.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/process.h"
#include "lib/checkpoint/durable.h"
#include "lib/measure/foreign_processes.h"
#include "lib/measure/gpu_health.h"
#include "lib/measure/probes.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

TEST_CASE("examine node: what is measured is measured", "[examine_node]") {
  const std::string folder = test::temporary_folder() + "/runs";
  setenv("SLURMD_NODENAME", "node7", 1);
  const NodeFacts facts = examine_node(folder);
  CHECK(facts.node == "node7");
  CHECK(facts.started > 1.7e9);
  CHECK(facts.allowed_cores >= 1);
  CHECK(facts.memory_bytes_per_second > 1e6);
  CHECK(facts.float32_flops > 1e6);
  CHECK(facts.folders.at(0).path == folder);
  CHECK(facts.folders.at(0).bytes_per_second > 0);
  CHECK(facts.folders.at(0).free_bytes > 0);
  CHECK(std::filesystem::is_empty(folder));
  CHECK(!examine_node("/proc/none").folders.at(0).error.empty());
  unsetenv("SLURMD_NODENAME");
}

// Where the file that is written next lies.
std::string written;
void note_written(checkpoint::FileCall call, const std::string& path, const std::string&) {
  if (call == checkpoint::FileCall::write) written = path;
}

TEST_CASE("examine node: the file that is written has a name of its own, and does not stay",
          "[examine_node]") {
  const std::string folder = test::temporary_folder();
  checkpoint::observe_files(note_written);
  CHECK(hdf5_write_rate(folder, 3, 1 << 20) > 0);
  checkpoint::observe_files(nullptr);
  CHECK(written == fmt::format("{}/.doctor-{}-{}-3.h5", folder, host_name(), getpid()));
  // Beyond the limit, writing fails as on a full disk.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1 << 19, before.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_AS(hdf5_write_rate(folder, 3, 1 << 20), RuntimeFailure);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  CHECK(std::filesystem::is_empty(folder));
}

TEST_CASE("examine node: a process that is busy is found", "[examine_node]") {
  const pid_t child = fork();
  if (child == 0) {
    while (getppid() != 0) {
    }
  }
  // On a machine that is busy itself, the child may have to wait for its share.
  bool found = false;
  for (int attempt = 0; attempt < 50 && !found; ++attempt) {
    const auto busy = find_busy_processes(0.2);
    found = std::ranges::count(busy, child, &ForeignProcess::pid) == 1;
    CHECK(std::ranges::count(busy, getpid(), &ForeignProcess::pid) == 0);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK(found);
}

// A stand-in for nvidia-smi in front of PATH, as long as this lives.
class NvidiaSmi {
 public:
  explicit NvidiaSmi(const std::string& body) : path_(std::getenv("PATH")) {
    const std::string folder = test::temporary_folder(), program = folder + "/nvidia-smi";
    std::ofstream(program) << "#!/bin/sh\n" << body << "\n";
    std::filesystem::permissions(program, std::filesystem::perms::all);
    setenv("PATH", (folder + ":" + path_).c_str(), 1);
  }
  ~NvidiaSmi() { setenv("PATH", path_.c_str(), 1); }
  NvidiaSmi(const NvidiaSmi&) = delete;
  NvidiaSmi& operator=(const NvidiaSmi&) = delete;

 private:
  std::string path_;
};

TEST_CASE("examine node: what nvidia-smi says of GPUs", "[examine_node]") {
  const NvidiaSmi stand_in(R"(case $1 in
    --query-gpu=*)
      echo '0, GPU-a, NVIDIA H200, 0, Not Active, Not Active, Not Active, Not Active'
      echo '1, GPU-b, NVIDIA H200, 2, Active, Not Active, Active, Not Active' ;;
    --query-remapped-rows=*) echo 'GPU-a, No, No'; echo 'GPU-b, Yes, 0' ;;
    --query-compute-apps=pid) echo 1 ;;
  esac)");
  NodeFacts facts;
  ask_gpus(facts);
  CHECK(facts.gpu_error.empty());
  REQUIRE(facts.gpus.size() == 2);
  CHECK(facts.gpus[0].slowed_by.empty());
  CHECK(!facts.gpus[0].remapping_pending);
  CHECK(facts.gpus[1].index == 1);
  CHECK(facts.gpus[1].name == "NVIDIA H200");
  CHECK(facts.gpus[1].uncorrected_errors == 2);
  CHECK(facts.gpus[1].slowed_by ==
        std::vector<std::string>{"hw_slowdown", "hw_power_brake_slowdown"});
  CHECK(facts.gpus[1].remapping_pending);
  CHECK(!facts.gpus[1].remapping_failed);
  REQUIRE(facts.gpu_processes.size() == 1);
  CHECK(facts.gpu_processes[0].pid == 1);
}

TEST_CASE("examine node: a driver that fails is an error of the node", "[examine_node]") {
  const NvidiaSmi stand_in("echo 'Unable to determine the device handle for GPU 3'; exit 15");
  NodeFacts facts;
  ask_gpus(facts);
  CHECK(facts.gpus.empty());
  CHECK(facts.gpu_error == "Unable to determine the device handle for GPU 3");
}

}  // namespace
}  // namespace sy
