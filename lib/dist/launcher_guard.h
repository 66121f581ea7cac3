// SPDX-License-Identifier: Apache-2.0
// Ends mpirun where it would outlive its job. It, or its daemon on this node, is killed unless it
// ends within 5 seconds and the two waits that odls_base_sigkill_timeout sets: longer than it needs
// to end a job. A daemon that serves several jobs (prted) is spared.
#pragma once

#include <sys/types.h>

namespace sy {

// For a job that is being aborted: mpirun waits for the daemons of all hosts, and of a host that no
// longer answers the kernel tells it only after a quarter of an hour. Returns at once and outlives
// this process.
void kill_launcher_if_it_stays();

// For MPI_Init: Open MPI's mpirun can lock up if a rank is killed in it. While the guard exists, a
// process of its own waits for the end of this one. It starts to count once the launcher's own
// child has ended too, which may be a script that goes on. Destroyed, it leaves nothing behind,
// unless an exception unwinds, which ends the program. Without an mpirun it does nothing.
class LauncherGuard {
 public:
  LauncherGuard();
  ~LauncherGuard();
  LauncherGuard(const LauncherGuard&) = delete;
  LauncherGuard& operator=(const LauncherGuard&) = delete;

 private:
  pid_t process_ = -1;
  int held_ = -1;  // the end of a pipe, which is closed when this process ends
};

}  // namespace sy
