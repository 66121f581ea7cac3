// SPDX-License-Identifier: Apache-2.0
#include "lib/base/log.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "lib/base/error.h"
#include "lib/base/process.h"

namespace sy::log {
namespace {

struct State {
  std::mutex mutex;
  int rank = 0;
  int size = 1;
  std::FILE* file = nullptr;
};

State& state() {
  static State instance;
  return instance;
}

void write(std::FILE* stream, const std::string& text) {
  std::fputs(text.c_str(), stream);
  std::fputc('\n', stream);
  std::fflush(stream);
}

}  // namespace

void set_rank(int rank, int size) {
  state().rank = rank;
  state().size = size;
}

void open_file(const std::string& path) {
  const std::lock_guard lock(state().mutex);
  if (state().file != nullptr) std::fclose(state().file);
  state().file = path.empty() ? nullptr : std::fopen(path.c_str(), "a");
  if (path.empty() || state().file != nullptr) return;
  throw RuntimeFailure(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

int rank() {
  return state().rank;
}
int size() {
  return state().size;
}

std::string prefix() {
  if (state().size == 1) return "";
  return fmt::format("[rank {}/{} {}] ", state().rank, state().size, host_name());
}

void line(const std::string& text) {
  if (state().rank != 0) return;
  const std::lock_guard lock(state().mutex);
  write(stdout, text);
  if (state().file != nullptr) write(state().file, text);
}

void warning(const std::string& text) {
  const std::lock_guard lock(state().mutex);
  const std::string marked = prefix() + "warning: " + text;
  write(stderr, marked);
  if (state().file != nullptr) write(state().file, marked);
}

}  // namespace sy::log
