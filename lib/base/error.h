// Whose fault it is decides the type: the user's (configuration, data, checkpoint) or ours.
// Only cmd/main.cpp catches; it prints the message with the rank and picks the exit code.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace sy {

// Exit codes of the program, relied on by batch scripts.
enum class ExitCode : int {
  done = 0,
  failed = 1,    // failed while running
  usage = 2,     // usage or configuration
  data = 3,      // unreadable or corrupt data or checkpoint
  stopped = 75,  // stopped by a signal after committing a checkpoint
};

// Which ranks meet a failure: where all of them usually do, rank 0 alone should tell of it.
enum class MetBy : uint8_t { one_rank, every_rank };

// Base of everything thrown here. `what()` is one clear sentence.
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

// A broken invariant of ours: carries the failed expression and its place.
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

// The command line or the configuration is wrong. May hold several lines, one fault each.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message)
      : Error(ExitCode::usage, message, MetBy::every_rank) {}
};

// A shard, tokenizer or checkpoint cannot be read or is corrupt: names file, place and remedy.
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

// Checks an invariant of ours; the message is a fmt format string with its arguments.
#define SY_CHECK(condition, ...)                                                              \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::sy::detail::throw_internal(#condition, __FILE__, __LINE__, fmt::format(__VA_ARGS__)); \
  } while (false)
