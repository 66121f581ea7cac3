// SPDX-License-Identifier: Apache-2.0
#include "tests/checkpoint/child.h"

#include <hdf5.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lib/base/error.h"

namespace sy::test {
namespace {

pid_t fork_checked() {
  const pid_t child = fork();
  SY_CHECK(child >= 0, "fork failed");
  return child;
}

void put(int pipe, const std::string& text) {
  const ssize_t wrote = write(pipe, text.data(), text.size());
  if (wrote != static_cast<ssize_t>(text.size())) _exit(1);
}

std::string get_all(int pipe) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(pipe, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace

std::optional<std::string> run_in_child(const std::function<std::string()>& work) {
  int ends[2];
  SY_CHECK(pipe(ends) == 0, "pipe failed");
  const pid_t child = fork_checked();
  if (child == 0) {
    close(ends[0]);
    try {
      put(ends[1], work());
    } catch (const Error& error) {
      put(ends[1], error.what());
    }
    // What HDF5 does at the end of a process is part of the test; the clean-up of Catch2 and of the
    // temporary folders is the parent's.
    H5close();
    _exit(0);
  }
  close(ends[1]);
  const std::string said = get_all(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return said;
}

void kill_child_after(int64_t microseconds, const std::function<void()>& work) {
  const pid_t child = fork_checked();
  if (child == 0) {
    work();
    _exit(0);
  }
  usleep(static_cast<useconds_t>(microseconds));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

bool mount_small_disk(const std::string& folder, int64_t bytes) {
  const std::string options = "size=" + std::to_string(bytes);
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

void limit_file_size(int64_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
  SY_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit failed");
}

}  // namespace sy::test
