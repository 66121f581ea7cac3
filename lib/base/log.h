// SPDX-License-Identifier: Apache-2.0
// Log lines that know their rank. Rank 0 writes progress; any rank may warn.
#pragma once

#include <fmt/core.h>

#include <string>

namespace sy::log {

// Set once after MPI has started; until then, lines carry no rank.
void set_rank(int rank, int size);
// From now on, also appends everything this process logs to the file `path` ("" turns this off).
// Throws RuntimeFailure if it cannot be written.
void open_file(const std::string& path);

int rank();
int size();

// "[rank r/n host] " with more than one rank, "" otherwise.
std::string prefix();

// Writes a line to stdout and to the log file, on rank 0 only.
void line(const std::string& text);

// Writes a line, prefixed with the rank, to stderr and, where one is open, to the log file. Any
// rank may warn.
void warning(const std::string& text);

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  line(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  warning(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace sy::log
