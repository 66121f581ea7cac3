// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/run_ledger.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

double of(const ActivitySeconds& seconds, Activity activity) {
  return seconds[static_cast<size_t>(activity)];
}

ActivityClock::Moment after(ActivityClock::Moment begin, int seconds) {
  return begin + std::chrono::seconds(seconds);
}

TEST_CASE("run_ledger: every moment belongs to one activity", "[run_ledger]") {
  const ActivityClock::Moment begin = ActivityClock::now();
  ActivityClock clock(begin);
  CHECK(clock.turn_to(Activity::training, after(begin, 3)) == Activity::starting);
  CHECK(clock.turn_to(Activity::saving, after(begin, 10)) == Activity::training);
  CHECK(clock.turn_to(Activity::training, after(begin, 12)) == Activity::saving);
  const ActivitySeconds seconds = clock.seconds(after(begin, 20));
  CHECK(of(seconds, Activity::starting) == Approx(3));
  CHECK(of(seconds, Activity::training) == Approx(15));
  CHECK(of(seconds, Activity::saving) == Approx(2));
  CHECK(of(seconds, Activity::evaluating) == 0);
  CHECK(of(clock.seconds(after(begin, 21)), Activity::training) == Approx(16));
}

TEST_CASE("run_ledger: a scope gives the time back to the activity before", "[run_ledger]") {
  ActivityClock clock;
  clock.turn_to(Activity::training);
  {
    const Spending evaluating(clock, Activity::evaluating);
    { const Spending saving(clock, Activity::saving); }
    CHECK(clock.turn_to(Activity::evaluating) == Activity::evaluating);
  }
  CHECK(clock.turn_to(Activity::training) == Activity::training);
}

// A line of a ledger, in which the time of day is `time` and starting took two seconds.
std::string line(double time, int64_t step, double training, double saving = 0,
                 int64_t resumed = -1) {
  Json object{{"start", "a"}};
  if (resumed >= 0) object["resumed"] = resumed;
  object["time"] = time;
  object["step"] = step;
  object["seconds"] = {{"starting", 2.0},
                       {"training", training},
                       {"waiting_for_data", 0.0},
                       {"evaluating", 0.0},
                       {"saving", saving}};
  return json_line(object) + "\n";
}

Goodput sum_of(const std::string& text) {
  const std::string path = test::temporary_folder() + "/ledger.jsonl";
  write_file(path, text);
  return read_ledger(path);
}

// Saves at step 10, is killed after step 14, and goes on from step 10.
const std::string kKilled =
    line(1002, 0, 0, 0, 0) + line(1012, 10, 10) + line(1015, 10, 10, 3) + line(1019, 14, 14, 3);

TEST_CASE("run_ledger: what followed the checkpoint that was resumed is lost", "[run_ledger]") {
  const Goodput sum = sum_of(kKilled + line(1102, 10, 0, 0, 10) + line(1112, 20, 10));
  CHECK(sum.starts == 2);
  CHECK(sum.steps == 20);
  CHECK(sum.lost_steps == 4);
  CHECK(sum.lost == Approx(4));
  CHECK(of(sum.kept, Activity::starting) == Approx(4));
  CHECK(of(sum.kept, Activity::training) == Approx(20));
  CHECK(of(sum.kept, Activity::saving) == Approx(3));
  CHECK(sum.between == Approx(1100 - 1019));
  CHECK(sum.total() == Approx(31));
  CHECK(sum.share() == Approx(20.0 / 31));
}

TEST_CASE("run_ledger: nothing is lost by an orderly stop", "[run_ledger]") {
  const Goodput sum = sum_of(kKilled + line(1102, 14, 0, 0, 14) + line(1108, 20, 6));
  CHECK(sum.steps == 20);
  CHECK(sum.lost_steps == 0);
  CHECK(sum.lost == 0);
  CHECK(of(sum.kept, Activity::training) == Approx(20));
}

TEST_CASE("run_ledger: going back further loses earlier starts, but for their starting",
          "[run_ledger]") {
  const std::string two = kKilled + line(1102, 10, 0, 0, 10) + line(1112, 20, 10);
  const Goodput sum = sum_of(two + line(1202, 0, 0, 0, 0) + line(1210, 8, 8));
  CHECK(sum.starts == 3);
  CHECK(sum.steps == 8);
  CHECK(sum.lost_steps == 24);
  CHECK(sum.lost == Approx(27));
  CHECK(of(sum.kept, Activity::starting) == Approx(6));
  CHECK(of(sum.kept, Activity::training) == Approx(8));
}

TEST_CASE("run_ledger: a clock that was set back leaves no negative time", "[run_ledger]") {
  const Goodput sum = sum_of(kKilled + line(902, 14, 0, 0, 14) + line(500, 20, 6));
  CHECK(sum.between == 0);
  CHECK(sum.total() == Approx(27));
}

TEST_CASE("run_ledger: a torn line is passed over, and none is written onto it", "[run_ledger]") {
  const std::string path = test::temporary_folder() + "/ledger.jsonl";
  const std::string torn = line(1020, 15, 15, 3);
  write_file(path, kKilled + torn.substr(0, torn.size() / 2));
  CHECK(read_ledger(path).steps == 14);
  ActivityClock clock;
  RunLedger ledger(path, "b", 10, clock);
  ledger.write(12);
  const Goodput sum = read_ledger(path);
  CHECK(sum.starts == 2);
  CHECK(sum.steps == 12);
  CHECK(sum.lost_steps == 4);
}

TEST_CASE("run_ledger: what is written is what is read", "[run_ledger]") {
  const std::string path = test::temporary_folder() + "/ledger.jsonl";
  ActivityClock first_clock;
  {
    RunLedger first(path, "a", 0, first_clock);
    first_clock.turn_to(Activity::training);
    first.write(1);
    first.write(2);
    CHECK(first.so_far().steps == 2);
  }
  ActivityClock clock;
  RunLedger second(path, "b", 1, clock);
  clock.turn_to(Activity::evaluating);
  second.write(3);
  const Goodput sum = second.so_far(), read = read_ledger(path);
  CHECK(sum.starts == 2);
  CHECK(sum.steps == 3);
  CHECK(sum.lost_steps == 1);
  CHECK(read.steps == sum.steps);
  CHECK(read.lost_steps == sum.lost_steps);
  CHECK(read.lost == Approx(sum.lost));
  CHECK(read.total() <= sum.total());
  const ActivitySeconds one = first_clock.seconds();
  CHECK(of(read.kept, Activity::training) + read.lost <= of(one, Activity::training));
}

TEST_CASE("run_ledger: table and sentence", "[run_ledger]") {
  const Goodput sum = sum_of(kKilled + line(1102, 10, 0, 0, 10) + line(1112, 20, 10));
  CHECK(goodput_table(sum) ==
        "starting                     4.0 s    12.9 %\n"
        "training                    20.0 s    64.5 %\n"
        "waiting for data             0.0 s     0.0 %\n"
        "evaluating                   0.0 s     0.0 %\n"
        "saving                       3.0 s     9.7 %\n"
        "lost                         4.0 s    12.9 %\n"
        "all starts                  31.0 s   100.0 %\n"
        "between starts              81.0 s\n"
        "starts 2, steps 20, lost steps 4\n");
  CHECK(goodput_text(sum) ==
        "goodput 64.5 % of 31.0 s: starting 4.0 s, training 20.0 s, waiting for data 0.0 s, "
        "evaluating 0.0 s, saving 3.0 s, lost 4.0 s (4 steps); 2 starts");
  CHECK(Goodput().share() == 0);
}

TEST_CASE("run_ledger: no file", "[run_ledger]") {
  CHECK_THROWS_AS(read_ledger(test::temporary_folder() + "/none"), DataError);
  ActivityClock clock;
  CHECK_THROWS_AS(RunLedger("/nowhere/at/all/ledger.jsonl", "a", 0, clock), RuntimeFailure);
}

}  // namespace
}  // namespace sy
