// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/tests/support.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/hostcuda/device/report.h"

namespace sy::test {

std::vector<hostcuda::Schedule> every_schedule() {
  using hostcuda::Order;
  return {{Order::forward, 0},
          {Order::reverse, 0},
          {Order::random, 1},
          {Order::random, 2},
          {Order::random, 3}};
}

std::string describe(const hostcuda::Schedule& schedule) {
  const char* names[] = {"forward", "reverse", "random"};
  return names[static_cast<int>(schedule.order)] + (":" + std::to_string(schedule.seed));
}

Outcome in_child(const std::function<void()>& body) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    try {
      body();
    } catch (...) {
      _exit(3);
    }
    _exit(0);
  }
  close(ends[1]);
  Outcome outcome{-1, ""};
  char text[512];
  for (ssize_t bytes = 0; (bytes = read(ends[0], text, sizeof text)) > 0;) {
    outcome.text.append(text, static_cast<size_t>(bytes));
  }
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  return outcome;
}

void check_reported(const std::vector<std::string>& words, const std::function<void()>& body) {
  const Outcome outcome = in_child(body);
  CHECK(outcome.exit_code == hostcuda::kFaultExitCode);
  for (const std::string& word : words) CHECK_THAT(outcome.text, Catch::Contains(word));
}

}  // namespace sy::test
