// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGUSR1, which schedulers send before they kill a job, request a checkpoint and an
// orderly end.
#pragma once

namespace sy {

void install_stop_signals();
bool stop_requested();
// "SIGTERM" or "SIGUSR1"; "a signal to another rank" if this rank received none.
const char* stop_signal_name();

}  // namespace sy
