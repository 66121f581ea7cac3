// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGUSR1, which schedulers send before they kill a job, SIGINT (Ctrl-C) and SIGHUP (a
// closed terminal) request a checkpoint and an orderly end.
//
// They are blocked in all threads, and one thread waits for them: no handler may run where the
// program computes. oneDNN's GEMMs (up to 3.11 at least) point the stack pointer at their
// workspace, and a handler's frame, written below it, would destroy what lies there.
#pragma once

namespace sy {

// Called by commands that train, before there is another thread: threads inherit what is blocked.
// Processes that are forked do not; those that posix_spawn() and system() start would.
//
// From now on these signals are noted instead of ending the process, except SIGINT and SIGHUP where
// they are ignored already, as under nohup. A second SIGINT ends the process at once. A reader of
// the output that is gone no longer ends it either (SIGPIPE): Ctrl-C also ends the `tee` beside it.
void install_stop_signals();
bool stop_requested();
// "SIGTERM" etc., the first that came; "a signal to another rank" if this rank received none.
const char* stop_signal_name();

}  // namespace sy
