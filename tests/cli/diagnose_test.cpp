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
  CHECK_THAT(stale.err, Catch::Contains("about start 1000000000-11 of 2001-09-0") &&
                            Catch::Contains("start 1000000600-12 of 2001-09-0") &&
                            Catch::Contains("has left no record in " + later));
  CHECK_THAT(stale.out,
             Catch::Contains(R"("start": "1000000000-11", "later_starts": )"
                             R"([{"start": "1000000600-12", "ended_as_it_should": false}])"));
}

TEST_CASE("diagnose: a torn record is told, and hides no other", "[diagnose_command]") {
  const std::string run = test::temporary_folder(), failed = start(run, "1000000000-11");
  test::write_file(failed + "/ranks.json", R"({"flight_ranks": 1, "ranks": [{"host": "node2",)");
  test::write_file(failed + "/rank-00001.jsonl",
                   R"({"flight_record": 1, "rank": 1, "ranks": 3, "host": "node2", "pid": 11, )"
                   R"("reason": "failure", "message": "out of ink", "step": 7, "time": 9000000, )"
                   R"("paused": 0, "paused_until": 0})");
  test::write_file(failed + "/rank-00002.jsonl", R"({"flight_record": 1, "rank")");
  const auto known = run_program({"diagnose", run});
  CHECK(known.code == 0);
  CHECK_THAT(known.err,
             Catch::Contains("warning: " + failed + "/ranks.json") &&
                 Catch::Contains("warning: " + failed + "/rank-00002.jsonl is no record"));
  CHECK_THAT(known.out,
             Catch::StartsWith("rank 1 (node2, pid 11) failed at step 7: out of ink\n") &&
                 Catch::Contains("1 of 3 ranks left a record"));
}

}  // namespace
}  // namespace sy
