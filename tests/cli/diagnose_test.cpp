// SPDX-License-Identifier: Apache-2.0
// `diagnose` on records made by hand; tests/faults/diagnose.py has those of real runs.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using test::run_program;

// The folder of a start of one rank.
std::string start(const std::string& run, const std::string& name) {
  std::string folder = run + "/flight/" + name;
  std::filesystem::create_directories(folder);
  test::write_file(folder + "/ranks.json",
                   R"({"flight_ranks": 1, "ranks": [{"host": "node2", "pid": 11}]})");
  return folder;
}

TEST_CASE("diagnose: the verdict comes first, and a later start without records is told",
          "[diagnose_command]") {
  const std::string run = test::temporary_folder(), failed = start(run, "1000000000-11");
  const auto none = run_program({"diagnose", run});
  CHECK(none.code == 3);
  CHECK_THAT(none.err, Catch::Contains("no rank has left a record"));
  test::write_file(failed + "/rank-00000.jsonl",
                   R"({"flight_record": 1, "rank": 0, "ranks": 1, "host": "node2", "pid": 11, )"
                   R"("reason": "failure", "message": "out of ink", "step": 7, "time": 9000000, )"
                   R"("paused": 0, "paused_until": 0})");
  const auto known = run_program({"diagnose", run});
  CHECK(known.code == 0);
  CHECK(known.err.empty());
  CHECK_THAT(known.out, Catch::StartsWith("rank 0 (node2, pid 11) failed at step 7: out of ink\n"));
  const std::string later = start(run, "1000000600-12");
  const auto stale = run_program({"diagnose", run, "--json"});
  CHECK(stale.code == 0);
  CHECK_THAT(stale.err, Catch::Contains(later + " is a later start") && Catch::Contains(failed));
  CHECK_THAT(stale.out, Catch::Contains(fmt::format("\"later_starts\": [\"{}\"]", later)));
}

}  // namespace
}  // namespace sy
