// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
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

// -1 if no ancestor has one of the names.
pid_t nearest_ancestor(std::initializer_list<std::string_view> names) {
  constexpr size_t kParent = 4;  // a field; see proc(5)
  for (pid_t id = getppid(); id > 1;) {
    const ProcessStat process = process_stat(std::to_string(id));
    if (std::find(names.begin(), names.end(), process.name) != names.end()) return id;
    id = static_cast<pid_t>(process.number(kParent));
  }
  return -1;
}

// So that sockets and devices of this process are closed when it ends.
void let_go_of_files(posix_spawn_file_actions_t& files) {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&files, file, "/dev/null", O_RDWR, 0);
  }
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
}

// mpirun waits twice, by default for a second, while it ends its processes.
int seconds_to_end_a_job() {
  const std::string_view wait = variable("OMPI_MCA_odls_base_sigkill_timeout");
  return 5 + 2 * (wait.empty() ? 1 : std::atoi(wait.data()));
}

}  // namespace

bool bound_by_default() {
  return is_set("OMPI_MCA_orte_bound_at_launch") && !is_set("OMPI_MCA_hwloc_base_binding_policy") &&
         !is_set("OMPI_MCA_hwloc_base_cpu_list") && !is_set("OMPI_MCA_hwloc_base_cpu_set") &&
         variable("OMPI_MCA_rmaps_base_mapping_policy").find("PE=") == std::string_view::npos;
}

pid_t launcher_process() {
  return nearest_ancestor({"mpirun", "mpiexec", "orterun", "orted", "prterun", "prted"});
}

// A shell in a session of its own does it, since mpirun ends this process and its process group.
void kill_launcher_if_it_stays() {
  const pid_t launcher = nearest_ancestor({"mpirun", "mpiexec", "orterun", "orted", "prterun"});
  if (launcher < 0) return;
  constexpr const char* kScript =
      "n=$2; while kill -0 $1 && [ $n -gt 0 ]; do sleep 1; n=$((n - 1)); done; kill -KILL $1";
  const std::string id = std::to_string(launcher), seconds = std::to_string(seconds_to_end_a_job());
  const char* words[] = {"sh", "-c", kScript, "sh", id.c_str(), seconds.c_str(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  let_go_of_files(files);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  posix_spawn(nullptr, "/bin/sh", &files, &attributes, const_cast<char**>(words), environ);
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
