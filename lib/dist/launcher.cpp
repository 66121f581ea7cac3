// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/launcher.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include "lib/base/process.h"

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

Ancestor nearest_ancestor(std::initializer_list<std::string_view> names) {
  constexpr size_t kParent = 4;  // a field; see proc(5)
  pid_t child = getpid();
  for (pid_t id = getppid(); id > 1;) {
    const ProcessStat process = process_stat(std::to_string(id));
    if (std::find(names.begin(), names.end(), process.name) != names.end()) return {id, child};
    child = id;
    id = static_cast<pid_t>(process.number(kParent));
  }
  return {};
}

}  // namespace

bool bound_by_default() {
  return is_set("OMPI_MCA_orte_bound_at_launch") && !is_set("OMPI_MCA_hwloc_base_binding_policy") &&
         !is_set("OMPI_MCA_hwloc_base_cpu_list") && !is_set("OMPI_MCA_hwloc_base_cpu_set") &&
         variable("OMPI_MCA_rmaps_base_mapping_policy").find("PE=") == std::string_view::npos;
}

pid_t launcher_process() {
  return nearest_ancestor({"mpirun", "mpiexec", "orterun", "orted", "prterun", "prted"}).id;
}

// Processes that are meant to be independent are told so by unsetting Open MPI's variables.
Ancestor launcher_of_job() {
  if (!is_set("OMPI_COMM_WORLD_RANK")) return {};
  return nearest_ancestor({"mpirun", "mpiexec", "orterun", "orted", "prterun"});
}

int launched_rank() {
  const Launcher* known = launcher();
  return known == nullptr ? 0 : std::atoi(std::getenv(known->rank));
}

int launched_ranks() {
  const Launcher* known = launcher();
  return known == nullptr ? 1 : std::atoi(std::getenv(known->size));
}

std::string why_not_alone(int world_size) {
  const Launcher* known = launcher();
  const int launched = launched_ranks();
  if (launched <= 1 || world_size > 1) return "";
  return fmt::format(
      "{} processes were launched ({}), but MPI connects none of them, so each would work by "
      "itself: {}; if they are meant to be independent, unset {} before they start",
      launched, known->size, known->remedy, known->size);
}

}  // namespace sy
