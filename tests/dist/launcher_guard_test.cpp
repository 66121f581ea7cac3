// SPDX-License-Identifier: Apache-2.0
// The guard of MPI_Init, under launchers made by hand that do not notice how their child ends.
#include "lib/dist/launcher_guard.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "lib/base/error.h"

namespace sy {
namespace {

using namespace std::chrono_literals;

// The guard gives the launcher 5 seconds.
constexpr auto kBefore = 3s, kAfter = 10s;

[[noreturn]] void sleep_for_long() {
  sleep(60);
  _exit(0);
}

// It ends with this process.
void fork_child(const std::function<void()>& rank) {
  if (fork() > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "a rank");
  rank();
  _exit(0);
}

// A process named as Open MPI's launcher whose child does `rank`. It goes on as if that had not
// ended.
class DeafLauncher {
 public:
  explicit DeafLauncher(const std::function<void()>& rank, const char* name = "mpirun") {
    process_ = fork();
    if (process_ > 0) return;
    prctl(PR_SET_NAME, name);
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    setenv("OMPI_MCA_odls_base_sigkill_timeout", "0", 1);
    fork_child(rank);
    sleep_for_long();
  }
  ~DeafLauncher() {
    if (is_there()) kill(process_, SIGKILL), waitpid(process_, nullptr, 0);
  }
  DeafLauncher(const DeafLauncher&) = delete;
  DeafLauncher& operator=(const DeafLauncher&) = delete;

  bool is_there() {
    if (!ended_) ended_ = waitpid(process_, &status_, WNOHANG) == process_;
    return !ended_;
  }
  bool was_killed() const { return ended_ && WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL; }

 private:
  pid_t process_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

void dies_in_mpi_init() {
  const LauncherGuard guard;
  raise(SIGKILL);
}

void exits_in_mpi_init() {
  const LauncherGuard guard;
  _exit(1);
}

void fails_in_mpi_init() {
  try {
    const LauncherGuard guard;
    throw RuntimeFailure("no network");
  } catch (const RuntimeFailure&) {
    _exit(1);
  }
}

void dies_later() {
  { const LauncherGuard guard; }
  raise(SIGKILL);
}

void is_slow_in_mpi_init() {
  const LauncherGuard guard;
  sleep_for_long();
}

TEST_CASE("launcher_guard: a launcher that outlives a rank's end in MPI_Init is killed",
          "[launcher_guard]") {
  DeafLauncher killed(dies_in_mpi_init), exited(exits_in_mpi_init), failed(fails_in_mpi_init);
  DeafLauncher daemon(dies_in_mpi_init, "orted");
  DeafLauncher after_script([] {
    fork_child(dies_in_mpi_init);
    sleep(1);
  });
  const std::array launchers{&killed, &exited, &failed, &daemon, &after_script};
  std::this_thread::sleep_for(kBefore);
  for (DeafLauncher* each : launchers) CHECK(each->is_there());  // it may need that to end a job
  std::this_thread::sleep_for(kAfter - kBefore);
  for (size_t i = 0; i < launchers.size(); ++i) {
    INFO("launcher " << i);
    CHECK_FALSE(launchers[i]->is_there());
    CHECK(launchers[i]->was_killed());
  }
}

TEST_CASE("launcher_guard: any other launcher is spared", "[launcher_guard]") {
  DeafLauncher died_later(dies_later), slow(is_slow_in_mpi_init);
  DeafLauncher other(dies_in_mpi_init, "slurmstepd"), serves_many(dies_in_mpi_init, "prted");
  DeafLauncher independent([] {
    unsetenv("OMPI_COMM_WORLD_RANK");
    dies_in_mpi_init();
  });
  DeafLauncher script([] {
    fork_child(dies_in_mpi_init);
    sleep_for_long();
  });
  std::this_thread::sleep_for(kAfter);
  for (DeafLauncher* each : {&died_later, &slow, &other, &serves_many, &independent, &script}) {
    CHECK(each->is_there());
  }
}

TEST_CASE("launcher_guard: nothing of it is left once MPI_Init has returned", "[launcher_guard]") {
  const pid_t launcher = fork();
  if (launcher == 0) {
    prctl(PR_SET_NAME, "mpirun");
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    const pid_t rank = fork();
    if (rank == 0) {
      const int next = dup(0);
      close(next);
      bool had_child = false;
      {
        const LauncherGuard guard;
        had_child = waitpid(-1, nullptr, WNOHANG) == 0;
      }
      const bool has_none = waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
      const bool same_files = dup(0) == next;
      _exit(had_child && has_none && same_files ? 0 : 1);
    }
    int status = 1;
    waitpid(rank, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  int status = 1;
  REQUIRE(waitpid(launcher, &status, 0) == launcher);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

}  // namespace
}  // namespace sy
