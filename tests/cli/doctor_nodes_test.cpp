// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

using test::read_file;
using test::run_program;

TEST_CASE("doctor node: a file of this node, which doctor compare judges", "[doctor]") {
  const std::string folder = test::temporary_folder(), files = folder + "/nodes";
  const auto node = run_program({"doctor", "node", "--folder", folder, "--output", files,
                                 "--most-foreign-cores", "1000", "--least-free-bytes", "0"});
  CAPTURE(node.err);
  CHECK(node.out.empty());
  CHECK(node.code == 0);
  const auto alone = run_program(
      {"doctor", "compare", files, "--most-foreign-cores", "1000", "--least-free-bytes", "0"});
  // Whether /dev/shm and GPUs are well is this machine's own business.
  CHECK((alone.code == 0) == node.err.empty());
  CHECK_THAT(alone.out, Catch::Contains("float32 GEMM") && Catch::Contains("limits: "));
  const auto missing = run_program({"doctor", "compare", files, "--nodes", "gone1,gone2"});
  CHECK(missing.code == 1);
  CHECK_THAT(missing.out, Catch::Contains("gone1: BAD: it wrote nothing into " + files));
  CHECK(read_file(files + "/exclude.txt") == "gone1,gone2");
  // This node is none of those.
  CHECK_THAT(missing.out, Catch::Contains(".json is left out: --nodes does not name "));
}

TEST_CASE("doctor node: its code is 0 where a file has the verdict", "[doctor]") {
  const std::string folder = test::temporary_folder();
  const auto node = run_program({"doctor", "node", "--folder", "/proc/none", "--output", folder});
  CHECK(node.code == 0);
  CHECK_THAT(node.err, Catch::Contains("/proc/none"));
  CHECK(run_program({"doctor", "compare", folder}).code == 1);
}

TEST_CASE("doctor node: prints what it finds without a folder", "[doctor]") {
  const auto node = run_program({"doctor", "node", "--folder", "/proc/none"});
  CHECK(node.code == 1);
  CHECK_THAT(node.out, Catch::StartsWith("{\"node\": \""));
  CHECK_THAT(node.err, Catch::Contains("/proc/none"));
}

TEST_CASE("doctor compare: a damaged file is a bad node, and no file an error", "[doctor]") {
  const std::string folder = test::temporary_folder();
  const auto none = run_program({"doctor", "compare", folder});
  CHECK(none.code == 3);
  CHECK_THAT(none.err, Catch::Contains("has no node's file; `switchyard doctor node --output"));
  test::write_file(folder + "/node1.json", "{");
  const auto damaged = run_program({"doctor", "compare", folder, "--nodes", "node1"});
  CHECK(damaged.code == 1);
  CHECK_THAT(damaged.out, Catch::Contains("node1: BAD: ") && Catch::Contains("--exclude=node1\n"));
}

}  // namespace
}  // namespace sy
