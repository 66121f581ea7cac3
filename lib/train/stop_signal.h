// SIGTERM and SIGUSR1 ask for a checkpoint and an orderly end; schedulers send them before they
// kill.
#pragma once

namespace sy {

void install_stop_signals();
bool stop_requested();
// "SIGTERM", "SIGUSR1"; "a signal to another rank" where this one got none.
const char* stop_signal_name();

}  // namespace sy
