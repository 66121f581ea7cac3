// SPDX-License-Identifier: Apache-2.0
// SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write the record (record_file.h) before they do what
// they did before. The thread that asks for it leaves one even of a stack that overflows.
#pragma once

namespace sy::flight {

void catch_fatal_signals();
void release_fatal_signals();  // may be called without the other

}  // namespace sy::flight
