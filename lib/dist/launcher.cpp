// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/launcher.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string_view>

namespace sy {
namespace {

// The value of an environment variable; "" if it is not set.
std::string_view variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

bool is_set(const char* name) {
  return !variable(name).empty();
}

// How a launcher tells its processes their number and rank.
struct Launcher {
  const char* size;
  const char* rank;
  const char* remedy;
};

constexpr const char* kOtherMpi =
    "start it with the mpirun of the Open MPI that it was built with, not with that of another MPI";

constexpr std::array<Launcher, 3> kLaunchers{{
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", kOtherMpi},
    {"PMI_SIZE", "PMI_RANK", kOtherMpi},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID",
     "pass --mpi=pmix to srun (`srun --mpi=list` shows what it offers)"},
}};

// The launcher that started this process; null without one. The innermost one counts: mpirun may
// run within a step of Slurm. A batch script has Slurm's variables too, but not those of a step.
const Launcher* launcher() {
  for (const Launcher& known : kLaunchers) {
    if (is_set(known.size) && is_set(known.rank)) return &known;
  }
  return nullptr;
}

struct Process {
  std::string name;
  pid_t parent = 0;
};

// From /proc/PID/stat: "PID (NAME) STATE PARENT ...". The name may contain blanks and brackets.
Process read_process(pid_t id) {
  std::ifstream file(fmt::format("/proc/{}/stat", id));
  std::string text;
  std::getline(file, text);
  const size_t open = text.find('('), close = text.rfind(") ");
  if (open == std::string::npos || close == std::string::npos || close + 4 >= text.size())
    return {};
  return {text.substr(open + 1, close - open - 1), std::atoi(text.c_str() + close + 4)};
}

}  // namespace

bool bound_by_default() {
  return is_set("OMPI_MCA_orte_bound_at_launch") && !is_set("OMPI_MCA_hwloc_base_binding_policy") &&
         !is_set("OMPI_MCA_hwloc_base_cpu_list") && !is_set("OMPI_MCA_hwloc_base_cpu_set") &&
         variable("OMPI_MCA_rmaps_base_mapping_policy").find("PE=") == std::string_view::npos;
}

pid_t launcher_process() {
  constexpr std::array<std::string_view, 6> kNames{"mpirun", "mpiexec", "orterun",
                                                   "orted",  "prterun", "prted"};
  for (pid_t id = getppid(); id > 1;) {
    const Process process = read_process(id);
    if (std::find(kNames.begin(), kNames.end(), process.name) != kNames.end()) return id;
    id = process.parent;
  }
  return -1;
}

int launched_rank() {
  const Launcher* known = launcher();
  return known == nullptr ? 0 : std::atoi(std::getenv(known->rank));
}

std::string why_not_alone(int world_size) {
  const Launcher* known = launcher();
  if (known == nullptr || world_size > 1) return "";
  const int launched = std::atoi(std::getenv(known->size));
  if (launched <= 1) return "";
  return fmt::format(
      "{} processes were launched ({}), but MPI connects none of them, so each would work by "
      "itself: {}; if they are meant to be independent, unset {} before they start",
      launched, known->size, known->remedy, known->size);
}

}  // namespace sy
