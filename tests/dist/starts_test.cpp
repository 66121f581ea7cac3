// SPDX-License-Identifier: Apache-2.0
// The starts of a run: in which order they came, and which of them a diagnosis is about.
#include "lib/dist/flight/starts.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/dist/flight/flight_log.h"
#include "lib/dist/flight/read_records.h"
#include "tests/support/shared_files.h"

namespace sy::flight {
namespace {
using Catch::Matchers::Contains;
using Catch::Matchers::Equals;

// A run whose times are UTC.
class Run {
 public:
  Run() {
    setenv("TZ", "UTC", 1);
    tzset();
  }

  // With its first line and one that it wrote later.
  void begins(const std::string& start) {
    std::ofstream(path_ + "/ledger.jsonl", std::ios::app)
        << R"({"start": ")" << start << R"(", "resumed": 0, "time": 1.5, "step": 0})" << '\n'
        << R"({"start": ")" << start << R"(", "time": 2.5, "step": 8})" << '\n';
  }
  void leaves_folder(const std::string& start) {
    std::filesystem::create_directories(folder(start));
    std::ofstream(folder(start) + "/" + kRanksFile)
        << R"({"flight_ranks": 1, "ranks": [{"host": "a", "pid": 1}]})";
  }
  void fails(const std::string& start) {
    leaves_folder(start);
    arm({folder(start), 0, 1});
    write_record(Reason::failure, start.c_str());
    disarm();
  }

  std::string folder(const std::string& start) const { return flight_folder(path_) + "/" + start; }
  const std::string& path() const { return path_; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Start& start : starts_of(path_)) names.push_back(start.name);
    return names;
  }

 private:
  std::string path_ = test::temporary_folder();
};

using Names = std::vector<std::string>;

TEST_CASE("starts: the ledger orders them, whatever their clocks said", "[starts]") {
  Run run;
  run.begins("1000000000-1");
  run.begins("1999999999-1");
  run.begins("1000000200-1");
  run.fails("1000000000-1");
  run.fails("1999999999-1");
  run.fails("1000000200-1");
  CHECK(run.names() == Names{"1000000000-1", "1999999999-1", "1000000200-1"});
  const FlightRecords newest = newest_records(run.path());
  CHECK(newest.ranks[0].record.value().message == "1000000200-1");
  CHECK(newest.later.empty());
}

TEST_CASE("starts: those that the ledger does not have come after smaller names", "[starts]") {
  Run run;
  for (const char* name : {"1000000400-1", "1000000100-1", "1000000600-1"}) run.fails(name);
  CHECK(run.names() == Names{"1000000100-1", "1000000400-1", "1000000600-1"});
  for (const char* name : {"1000000300-1", "1999999999-1", "1000000500-1"}) run.begins(name);
  std::ofstream(run.path() + "/ledger.jsonl", std::ios::app)
      << R"({"start": "2000000000-1", "resu)";
  CHECK(run.names() == Names{"1000000100-1", "1000000300-1", "1000000400-1", "1999999999-1",
                             "1000000500-1", "1000000600-1"});
}

TEST_CASE("starts: a later start without a folder ended as it should", "[starts]") {
  Run run;
  run.begins("1000000000-1");
  run.fails("1000000000-1");
  run.begins("1000000060-2");
  const FlightRecords newest = newest_records(run.path());
  CHECK_THAT(text_of(newest.start), Equals("start 1000000000-1 of 2001-09-09 01:46:40"));
  CHECK_THAT(text_of_later(newest.later), Equals("start 1000000060-2 of 2001-09-09 01:47:40 came "
                                                 "later and ended as it should"));
  run.begins("1000000120-3");
  CHECK_THAT(text_of_later(newest_records(run.path()).later),
             Equals("2 starts came later, and start 1000000120-3 of 2001-09-09 01:48:40, the last "
                    "of them, ended as it should"));
  run.leaves_folder("1000000120-3");
  CHECK_THAT(text_of_later(newest_records(run.path()).later),
             Contains("has left no record in " + run.folder("1000000120-3")) &&
                 Contains("still going, or all of its processes were killed at once"));
}

TEST_CASE("starts: one that left nothing is not still going once another came", "[starts]") {
  Run run;
  run.begins("1000000000-1");
  run.leaves_folder("1000000000-1");
  CHECK_THROWS_WITH(newest_records(run.path()),
                    Contains("1000000000-1 of 2001-09-09 01:46:40 is still going, or all"));
  run.begins("1000000060-2");
  CHECK_THROWS_WITH(newest_records(run.path()),
                    !Contains("still going") && Contains("1000000000-1/ranks.json says where") &&
                        Contains("1000000060-2 of 2001-09-09 01:47:40 came later and ended"));
}

TEST_CASE("starts: a name without a time is said as it is", "[starts]") {
  CHECK_THAT(text_of({"copy of 1000000000-1", ""}), Equals("start copy of 1000000000-1"));
  CHECK_THAT(text_of({"1000000000", ""}), Equals("start 1000000000"));
  CHECK_THAT(text_of({"999999999999999999-1", ""}), Equals("start 999999999999999999-1"));
}

}  // namespace
}  // namespace sy::flight
