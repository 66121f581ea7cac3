// SPDX-License-Identifier: Apache-2.0
#include "lib/base/log.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/support/shared_files.h"

namespace sy {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Returns what body prints to `stream` (1 or 2).
template <class F>
std::string printed(int stream, F&& run) {
  const std::string path = test::temporary_folder() + "/printed";
  std::fflush(nullptr);
  const int kept = dup(stream);
  std::FILE* file = std::fopen(path.c_str(), "w");
  dup2(fileno(file), stream);
  run();
  std::fflush(nullptr);
  dup2(kept, stream);
  close(kept);
  std::fclose(file);
  return content(path);
}

// Makes the process one of several ranks until the end of the test.
struct AsRank {
  AsRank(int rank, int size) { log::set_rank(rank, size); }
  ~AsRank() {
    log::set_rank(0, 1);
    log::open_file("");
  }
};

TEST_CASE("log: only rank 0 reports progress, any rank may warn", "[log]") {
  {
    const AsRank first(0, 4);
    CHECK(printed(1, [] { log::info("step {}", 5); }) == "step 5\n");
    CHECK_THAT(log::prefix(), Catch::StartsWith("[rank 0/4 ") && Catch::EndsWith("] "));
  }
  const AsRank third(2, 4);
  CHECK(printed(1, [] { log::info("step {}", 5); }).empty());
  const std::string warned = printed(2, [] { log::warn("shard {} is cut off", "a.gz"); });
  CHECK_THAT(warned, Catch::StartsWith("[rank 2/4 ") &&
                         Catch::EndsWith("] warning: shard a.gz is cut off\n"));
}

TEST_CASE("log: a single process prints no rank", "[log]") {
  const AsRank alone(0, 1);
  CHECK(log::prefix().empty());
  CHECK(printed(2, [] { log::warn("careful"); }) == "warning: careful\n");
}

TEST_CASE("log: printed lines are appended to the file", "[log]") {
  const std::string path = test::temporary_folder() + "/log.txt";
  std::ofstream(path) << "before\n";
  const AsRank alone(0, 1);
  log::open_file(path);
  printed(1, [] { log::info("one"); });
  printed(2, [] { log::warn("two"); });
  CHECK(content(path) == "before\none\nwarning: two\n");  // without closing: every line is flushed
}

}  // namespace
}  // namespace sy
