// Log lines that know their rank. Rank 0 writes progress; any rank may warn.
#pragma once

#include <fmt/core.h>

#include <string>

namespace sy::log {

// Told once after MPI is up; before that, lines carry no rank.
void set_rank(int rank, int size);
// Appends to the file `path` from now on what this process prints ("": to none).
void open_file(const std::string& path);

int rank();
int size();

// "[rank r/n host]" with more than one rank, "" otherwise.
std::string prefix();

// A line on stdout and in the log file, from rank 0 only.
void line(const std::string& text);

// A line on stderr (and in rank 0's log file) with the rank in front, from any rank.
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
