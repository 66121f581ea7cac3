// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/fatal_signals.h"

#include <csignal>

#include "lib/dist/flight/record_file.h"

namespace sy::flight {
namespace {

struct Fatal {
  int number;
  const char* name;
  struct sigaction before;
};
Fatal fatals[] = {{SIGSEGV, "SIGSEGV", {}},
                  {SIGBUS, "SIGBUS", {}},
                  {SIGFPE, "SIGFPE", {}},
                  {SIGILL, "SIGILL", {}},
                  {SIGABRT, "SIGABRT", {}}};
bool caught = false;

// The signal is raised again, and delivered when this handler returns. Of threads that crash
// together, one writes, and the others must not end the process meanwhile.
void record_and_pass_on(int number) {
  for (const Fatal& fatal : fatals) {
    if (fatal.number != number) continue;
    write_record(Reason::signal, fatal.name);
    wait_for_record();
    sigaction(number, &fatal.before, nullptr);
  }
  raise(number);
}

// Of this thread: one that has used up its stack has none for a handler.
void give_handler_a_stack() {
  static char space[1 << 16];
  stack_t before = {};
  if (sigaltstack(nullptr, &before) != 0 || (before.ss_flags & SS_DISABLE) == 0) return;
  const stack_t stack{.ss_sp = space, .ss_flags = 0, .ss_size = sizeof space};
  sigaltstack(&stack, nullptr);
}

}  // namespace

void catch_fatal_signals() {
  if (caught) return;
  give_handler_a_stack();
  struct sigaction action = {};
  action.sa_handler = record_and_pass_on;
  action.sa_flags = SA_ONSTACK;
  for (Fatal& fatal : fatals) sigaction(fatal.number, &action, &fatal.before);
  caught = true;
}

void release_fatal_signals() {
  if (!caught) return;
  for (const Fatal& fatal : fatals) sigaction(fatal.number, &fatal.before, nullptr);
  caught = false;
}

}  // namespace sy::flight
