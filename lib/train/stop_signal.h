// SIGTERM and SIGUSR1 ask for a checkpoint and an orderly end; schedulers send them before they
// kill.
#pragma once

namespace sy {

void install_stop_signals();
bool stop_requested();
const char* stop_signal_name();  // "SIGTERM", "SIGUSR1"

}  // namespace sy
