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

// The signal is raised again, and delivered when this handler returns.
void record_and_pass_on(int number) {
  for (const Fatal& fatal : fatals) {
    if (fatal.number != number) continue;
    write_record(Reason::signal, fatal.name);
    sigaction(number, &fatal.before, nullptr);
  }
  raise(number);
}

}  // namespace

void catch_fatal_signals() {
  if (caught) return;
  struct sigaction action = {};
  action.sa_handler = record_and_pass_on;
  for (Fatal& fatal : fatals) sigaction(fatal.number, &action, &fatal.before);
  caught = true;
}

void release_fatal_signals() {
  if (!caught) return;
  for (const Fatal& fatal : fatals) sigaction(fatal.number, &fatal.before, nullptr);
  caught = false;
}

}  // namespace sy::flight
