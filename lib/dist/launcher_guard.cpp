// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/launcher_guard.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>

#include "lib/dist/launcher.h"

namespace sy {
namespace {

// A shell's words: $1 is the launcher, $2 the seconds, $3 the launcher's child.
constexpr const char* kKill =
    "n=$2; while [ $n -gt 0 ]; do kill -0 $1 || exit; sleep 1; n=$((n - 1)); done; kill -KILL $1";
// `read` ends with this process. A process that has ended has no `exe`, even if nobody has noticed.
constexpr const char* kKillOnceEnded =
    "read -r nothing; while [ -e /proc/$3/exe ]; do kill -0 $1 || exit; sleep 1; done; ";

// mpirun waits twice, by default for a second, while it ends its processes.
int seconds_to_end_a_job() {
  const char* wait = std::getenv("OMPI_MCA_odls_base_sigkill_timeout");
  return 5 + 2 * (wait == nullptr || *wait == '\0' ? 1 : std::atoi(wait));
}

// Standard input is `input`. All else is let go of, so that sockets and devices of this process are
// closed when it ends.
void let_go_of_files(posix_spawn_file_actions_t& files, int input) {
  if (input >= 0) {
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  for (const int file : {STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&files, file, "/dev/null", O_WRONLY, 0);
  }
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
}

// A shell in a session of its own, since mpirun ends this process and its process group, and
// without what the launcher preloads into a rank. -1 if it cannot be started.
pid_t start_shell(const std::string& script, const Ancestor& launcher, int input = -1) {
  const std::string id = std::to_string(launcher.id), child = std::to_string(launcher.child);
  const std::string seconds = std::to_string(seconds_to_end_a_job());
  const char* words[] = {"sh",          "-c",   script.c_str(), "sh", id.c_str(), seconds.c_str(),
                         child.c_str(), nullptr};
  const char* path = std::getenv("PATH");
  const std::string search = std::string("PATH=") + (path == nullptr ? "/usr/bin:/bin" : path);
  const char* variables[] = {search.c_str(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  let_go_of_files(files, input);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t process = -1;
  const int fault = posix_spawn(&process, "/bin/sh", &files, &attributes, const_cast<char**>(words),
                                const_cast<char**>(variables));
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return fault == 0 ? process : -1;
}

}  // namespace

void kill_launcher_if_it_stays() {
  const Ancestor launcher = launcher_of_job();
  if (launcher.id > 0) start_shell(kKill, launcher);
}

LauncherGuard::LauncherGuard() {
  const Ancestor launcher = launcher_of_job();
  int ends[2];
  if (launcher.id < 0 || pipe2(ends, O_CLOEXEC) != 0) return;
  process_ = start_shell(std::string(kKillOnceEnded) + kKill, launcher, ends[0]);
  held_ = ends[1];
  close(ends[0]);
}

LauncherGuard::~LauncherGuard() {
  if (std::uncaught_exceptions() > 0) return;
  if (process_ > 0) {
    kill(process_, SIGKILL);
    while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  if (held_ >= 0) close(held_);
}

}  // namespace sy
