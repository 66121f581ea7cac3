// SPDX-License-Identifier: Apache-2.0
// Error types say whose fault a failure is: the user's (configuration, data, checkpoint) or the
// program's. Only cmd/main.cpp catches them; it prints the message with the rank and chooses the
// exit code.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace sy {

// The program's exit codes; batch scripts rely on them.
enum class ExitCode : int {
  done = 0,
  failed = 1,    // failed while running
  usage = 2,     // usage or configuration
  data = 3,      // unreadable or corrupt data or checkpoint
  stopped = 75,  // stopped by a signal after committing a checkpoint
};

// Which ranks hit a failure. Where all of them usually do, only rank 0 should report it.
enum class MetBy : uint8_t { one_rank, every_rank };

// Base class of everything the project throws. `what()` is one clear sentence.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, MetBy met_by = MetBy::one_rank)
      : std::runtime_error(message), code_(code), met_by_(met_by) {}
  ExitCode code() const { return code_; }
  MetBy met_by() const { return met_by_; }

 private:
  ExitCode code_;
  MetBy met_by_;
};

// A violated invariant of the program; carries the failed expression and its location.
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& message) : Error(ExitCode::failed, message) {}
};

// The run failed for a reason outside the program: a full disk, a lost peer, a diverged loss.
class RuntimeFailure : public Error {
 public:
  explicit RuntimeFailure(const std::string& message, MetBy met_by = MetBy::one_rank)
      : Error(ExitCode::failed, message, met_by) {}
};

// The command line or the configuration is wrong. The message may have several lines, one error
// each.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message)
      : Error(ExitCode::usage, message, MetBy::every_rank) {}
};

// A shard, tokenizer or checkpoint cannot be read or is corrupt. The message names the file, the
// place and the remedy.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message)
      : Error(ExitCode::data, message, MetBy::every_rank) {}
};

namespace detail {
[[noreturn]] void throw_internal(const char* expression, const char* file, int line,
                                 const std::string& message);
}  // namespace detail

}  // namespace sy

// Checks an invariant of the program. The message is an fmt format string followed by its
// arguments.
#define SY_CHECK(condition, ...)                                                              \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::sy::detail::throw_internal(#condition, __FILE__, __LINE__, fmt::format(__VA_ARGS__)); \
  } while (false)
