// SPDX-License-Identifier: Apache-2.0
// A rank's flight record: what the recorder holds, and that a file has it, whole or cut off,
// written by the program or by a signal handler.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <latch>
#include <sstream>
#include <thread>

#include "lib/base/error.h"
#include "lib/dist/communicator.h"
#include "lib/dist/flight/fatal_signals.h"
#include "lib/dist/flight/read_records.h"
#include "lib/dist/flight/record_file.h"
#include "tests/support/allocations.h"
#include "tests/support/shared_files.h"

namespace sy::flight {
namespace {
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

// A folder of records of two ranks, of which this process is rank 1.
std::string two_ranks() {
  std::string folder = test::temporary_folder() + "/start";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/" + kRanksFile)
      << R"({"flight_ranks": 1, "ranks": [{"host": "a", "pid": 11}, {"host": "b", "pid": 12}]})";
  arm({folder, 1, 2});
  return folder;
}

int64_t begin(int64_t group, int64_t number, const char* label, int64_t count = 4) {
  return call_begins(group, {"all_reduce_sum", label, "pair", number}, {DType::f32, count});
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The size that this process's files may have, as a disk with so much room.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    signal_ = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, signal_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
  sighandler_t signal_;
};

const GroupKey kPair{"pair", "mpi", {0, 1}};

TEST_CASE("flight_record: calls are written with step, label, shape and state", "[flight_record]") {
  const std::string folder = two_ranks();
  const int64_t group = open_group("pair", Transport::mpi, {0, 1});
  set_step(80);
  const int64_t ended = begin(group, 1, "encoder/layers/1 dispatch");
  call_ends(ended, Clock::now());
  set_step(81);
  const int64_t waited = begin(group, 2, "gradients", 12);
  begin(group, 3, "issued");
  call_is_waited_for(waited, Clock::now());
  write_record(Reason::hang, "a \"hang\"\nof\\call");
  close_group(group);
  disarm();

  const FlightRecords records = read_records(folder);
  CHECK(records.count() == 1);
  CHECK(records.ranks[0].place.host == "a");
  CHECK(records.ranks[1].place.pid == 12);
  CHECK_FALSE(records.ranks[0].record);
  const RankRecord& record = records.ranks[1].record.value();
  CHECK(record.reason == "hang");
  CHECK(record.message == "a \"hang\" of\\call");
  CHECK(record.step == 81);
  const RecordedGroup& pair = record.groups.at(kPair);
  CHECK(pair.begun == 3);
  REQUIRE(pair.calls.size() == 3);
  const RecordedCall &first = pair.calls.at(1), &second = pair.calls.at(2),
                     &third = pair.calls.at(3);
  CHECK(first.collective == "all_reduce_sum");
  CHECK(first.label == "encoder/layers/1 dispatch");
  CHECK(first.step == 80);
  CHECK((first.begun > 1e9 && first.ended >= first.begun && first.ended <= record.time));
  CHECK(second.count == 12);
  CHECK(second.dtype == "float32");
  CHECK((second.waited >= second.begun && second.ended == 0));
  CHECK((third.waited == 0 && third.ended == 0 && third.step == 81));
}

TEST_CASE("flight_record: the ring keeps the last calls and allocates nothing", "[flight_record]") {
  const std::string folder = two_ranks();
  const int64_t group = open_group("pair", Transport::mpi, {0, 1});
  const std::string label(200, 'x');
  const int64_t before = test::allocations().count;
  const int64_t old = begin(group, 1, "old");
  for (int64_t number = 2; number <= kEntries + 1; ++number) begin(group, number, label.c_str());
  call_ends(old, Clock::now());  // its place is another call's by now
  CHECK(test::allocations().count == before);
  write_record(Reason::terminated, "");
  close_group(group);
  disarm();
  const RecordedGroup pair = read_records(folder).ranks[1].record->groups.at(kPair);
  REQUIRE(std::ssize(pair.calls) == kEntries);
  CHECK(pair.calls.begin()->first == 2);
  CHECK(pair.calls.at(2).label == std::string(kLabelBytes - 1, 'x'));
  CHECK(pair.calls.rbegin()->second.ended == 0);
}

TEST_CASE("flight_record: written once, and not when it is off", "[flight_record]") {
  const std::string folder = two_ranks();
  CHECK(is_armed());
  CHECK(record_folder() == folder);
  write_record(Reason::failure, "first");
  write_record(Reason::failure, "second");
  CHECK_FALSE(is_armed());
  CHECK(read_records(folder).ranks[1].record->message == "first");
  std::filesystem::remove_all(folder);
  disarm();
  write_record(Reason::failure, "third");
  CHECK(*record_folder() == '\0');
  CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("flight_record: what comes after SIGTERM replaces its record", "[flight_record]") {
  const std::string folder = two_ranks();
  const auto reason = [&] { return read_records(folder).ranks[1].record.value().reason; };
  write_record(Reason::terminated, "SIGTERM");
  CHECK(reason() == "terminated");
  CHECK(is_armed());
  write_record(Reason::terminated, "SIGTERM");
  write_record(Reason::failure, "the disk is full");
  CHECK(reason() == "failure");
  write_record(Reason::terminated, "SIGTERM");
  CHECK(reason() == "failure");
  CHECK_FALSE(is_armed());
  disarm();
}

TEST_CASE("flight_record: a closed group stays until its place is needed", "[flight_record]") {
  const std::string folder = two_ranks();
  const int64_t closed = open_group("gone", Transport::mpi, {0, 1});
  begin(closed, 1, "its call");
  close_group(closed);
  const int64_t open = open_group("stays", Transport::nccl, {1});
  CHECK(ranks_of_group("stays") == std::vector<int>{1});
  CHECK(ranks_of_group("gone").empty());
  SECTION("before") {
    write_record(Reason::failure, "");
    CHECK(read_records(folder).ranks[1].record->groups.contains({"gone", "mpi", {0, 1}}));
  }
  SECTION("after") {
    for (int64_t i = 0; i < 2 * kGroups; ++i) close_group(open_group("many", Transport::mpi, {1}));
    write_record(Reason::failure, "");
    const RankRecord record = read_records(folder).ranks[1].record.value();
    CHECK_FALSE(record.groups.contains({"gone", "mpi", {0, 1}}));
    CHECK(record.groups.contains({"stays", "nccl", {1}}));
  }
  close_group(open);
  disarm();
}

TEST_CASE("flight_record: two open groups of one name and the same ranks", "[flight_record]") {
  const std::string folder = two_ranks();
  const auto open_pair = [] { return open_group("pair", Transport::mpi, {0, 1}); };
  int64_t first = open_pair(), second = 0;
  if (first % kGroups == 0) {
    close_group(first);
    first = open_pair();
  }
  do {  // until the second's place comes before the first's
    close_group(second);
    second = open_pair();
  } while (second % kGroups > first % kGroups);
  begin(first, 7, "of the student");
  begin(second, 9, "of the teacher");
  write_record(Reason::hang, "");
  close_group(first);
  close_group(second);
  disarm();
  const RankRecord record = read_records(folder).ranks[1].record.value();
  CHECK(record.groups.at(kPair).calls.at(7).label == "of the student");
  CHECK(record.groups.at({"pair", "mpi", {0, 1}, 1}).calls.at(9).label == "of the teacher");
}

struct OpenPair {
  ~OpenPair() { close_group(group); }
  int64_t group = open_group("pair", Transport::mpi, {0, 1});
};

TEST_CASE("flight_record: groups stay open while an error unwinds", "[flight_record]") {
  const std::string folder = two_ranks();
  std::vector<int64_t> groups;
  try {
    const OpenPair student, teacher;
    begin(student.group, 7, "of the student");
    groups = {student.group, teacher.group};
    throw RuntimeFailure("out of ink");
  } catch (const RuntimeFailure& failure) {
    write_record(Reason::failure, failure.what());
  }
  for (const int64_t group : groups) close_group(group);
  disarm();
  CHECK(read_records(folder).ranks[1].record->groups.at(kPair).calls.at(7).label ==
        "of the student");
}

TEST_CASE("flight_record: a file that is cut off is read as far as it goes", "[flight_record]") {
  const std::string folder = two_ranks(), path = folder + "/" + record_name(1);
  const int64_t group = open_group("pair", Transport::mpi, {0, 1});
  for (int64_t number = 1; number <= 5; ++number) begin(group, number, "call");
  write_record(Reason::hang, "");
  close_group(group);
  disarm();
  std::filesystem::resize_file(path, text_of(path).size() - 20);
  CHECK(read_records(folder).ranks[1].record->groups.at(kPair).calls.size() == 4);
  CHECK_THAT(read_records(folder).faults.at(0), Contains(path + " is read up to its line"));
}

TEST_CASE("flight_record: without ranks.json the records say how many ranks there were",
          "[flight_record]") {
  const std::string folder = two_ranks(), ranks = folder + "/" + kRanksFile;
  write_record(Reason::failure, "out of ink");
  disarm();
  std::filesystem::remove(ranks);
  const std::string text = GENERATE("missing", "", "[]", R"({"flight_ranks": 1, "ranks": [{"ho)",
                                    R"({"flight_ranks": 1, "ranks": []})");
  if (text != "missing") std::ofstream(ranks) << text;
  const FlightRecords records = read_records(folder);
  REQUIRE(records.ranks.size() == 2);
  CHECK(records.ranks[0].place.pid == 0);
  CHECK(records.ranks[1].place.pid == getpid());
  CHECK(records.ranks[1].record.value().message == "out of ink");
  REQUIRE(records.faults.size() == 1);
  CHECK_THAT(records.faults[0], StartsWith(ranks));
  std::filesystem::remove(folder + "/" + record_name(1));
  CHECK(read_records(folder).ranks.empty());
}

TEST_CASE("flight_record: ranks.json is whole or not there", "[flight_record]") {
  const std::string run = test::temporary_folder(), folder = flight_folder(run) + "/1-1";
  const auto world = make_self_communicator();
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(folder), {}); };
  SECTION("with room") {
    FlightLog log(run, "1-1", *world);
    CHECK(read_records(folder).ranks.at(0).place.pid == getpid());
    CHECK(files() == 1);
    log.end();
    CHECK_FALSE(std::filesystem::exists(flight_folder(run)));
  }
  SECTION("without") {
    const FileLimit room(10);
    const FlightLog log(run, "1-1", *world);
    CHECK(files() == 0);
  }
}

TEST_CASE("flight_record: a record that says nothing hides no other", "[flight_record]") {
  const std::string folder = two_ranks(), torn = folder + "/" + record_name(0);
  write_record(Reason::failure, "out of ink");
  disarm();
  const std::string whole = text_of(folder + "/" + record_name(1));
  const std::string first = whole.substr(0, whole.find('\n'));
  const auto [text, why] = GENERATE_COPY(table<std::string, std::string>(
      {{"", "it is empty"},
       {std::string(4096, '\0'), "it is no JSON"},
       {"\x8f\x01{[\n\xff", "it is no JSON"},
       {first.substr(0, first.size() - 1), "it is no JSON"},
       {"[1]\n", "json"},
       {R"({"flight_record": 9})", "version 9"},
       {R"({"flight_record": 1, "ranks": 2})", "'reason'"},
       {R"({"flight_record": 1, "ranks": 4})", "of 4 ranks, not 2"}}));
  std::ofstream(torn) << text;
  const FlightRecords records = read_records(folder);
  CHECK(records.count() == 1);
  CHECK((records.ranks[0].is_unreadable && !records.ranks[1].is_unreadable));
  CHECK(records.ranks[1].record.value().message == "out of ink");
  REQUIRE(records.faults.size() == 1);
  CHECK_THAT(records.faults[0], StartsWith(torn) && Contains(why));
}

TEST_CASE("flight_record: on a full disk a failure leaves its first line, else nothing is left",
          "[flight_record]") {
  const std::string folder = two_ranks(), path = folder + "/" + record_name(1);
  const int64_t group = open_group("pair", Transport::mpi, {0, 1});
  for (int64_t number = 1; number <= 100; ++number) begin(group, number, "call");
  const auto write_with = [](rlim_t bytes, Reason reason) {
    const FileLimit room(bytes);
    write_record(reason, "no room");
  };
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(folder), {}); };
  SECTION("a failure") {
    write_with(6000, Reason::failure);
    const RankRecord record = read_records(folder).ranks[1].record.value();
    CHECK((record.message == "no room" && record.groups.empty()));
    CHECK(read_records(folder).faults.empty());
    CHECK(files() == 2);
  }
  SECTION("one without room for a line") {
    write_with(100, Reason::failure);
    CHECK(files() == 1);  // ranks.json
  }
  SECTION("a hang") {
    write_with(6000, Reason::hang);
    CHECK(files() == 1);
  }
  SECTION("a hang after SIGTERM") {
    write_record(Reason::terminated, "SIGTERM");
    write_with(6000, Reason::hang);
    CHECK(read_records(folder).ranks[1].record->groups.at(kPair).calls.size() == 100);
    CHECK(files() == 2);
  }
  close_group(group);
  disarm();
}

TEST_CASE("flight_record: of a record with ranks that a run does not have, the rest is read",
          "[flight_record]") {
  const std::string folder = two_ranks();
  write_record(Reason::hang, "still there");
  disarm();
  std::ofstream(folder + "/" + record_name(1), std::ios::app)
      << R"({"group": 99, "open": 1, "name": "g", "transport": "mpi", "ranks": [0, )"
      << GENERATE(-1, 2) << R"(], "begun": 1})";
  const FlightRecords records = read_records(folder);
  CHECK(records.ranks[1].record.value().message == "still there");
  CHECK_FALSE(records.ranks[1].record->groups.contains({"g", "mpi", {0, 2}}));
  CHECK_THAT(records.faults.at(0), Contains(record_name(1)) && Contains("and the run 2"));
}

// Runs it in a child, which has to end by SIGSEGV.
void crash(void (*how)()) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    catch_fatal_signals();
    how();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
}

TEST_CASE("flight_record: a crash leaves a record and ends as before", "[flight_record]") {
  const std::string folder = two_ranks();
  crash([] { raise(SIGSEGV); });
  const RankRecord record = read_records(folder).ranks[1].record.value();
  CHECK(record.reason == "signal");
  CHECK(record.message == "SIGSEGV");
  disarm();
}

TEST_CASE("flight_record: threads that crash together leave a whole record", "[flight_record]") {
  const std::string folder = two_ranks();
  const int64_t group = open_group("pair", Transport::mpi, {0, 1});
  for (int64_t number = 1; number <= kEntries; ++number) begin(group, number, "call");
  for (int i = 0; i < 10; ++i) {
    std::filesystem::remove(folder + "/" + record_name(1));
    crash([] {
      std::latch all(8);
      std::vector<std::thread> threads;
      for (int thread = 0; thread < 8; ++thread) {
        threads.emplace_back([&all] {
          all.arrive_and_wait();
          raise(SIGSEGV);
        });
      }
      for (std::thread& thread : threads) thread.join();
    });
    const RankRecord record = read_records(folder).ranks[1].record.value();
    CHECK(std::ssize(record.groups.at(kPair).calls) == kEntries);
  }
  close_group(group);
  disarm();
}

// NOLINTNEXTLINE(misc-no-recursion)
int overflow(int depth) {
  if (depth < 0) return 0;
  volatile char frame[1024];
  frame[0] = static_cast<char>(depth);
  return overflow(depth + 1) + frame[0];
}

TEST_CASE("flight_record: a stack that overflows leaves a record", "[flight_record]") {
  const std::string folder = two_ranks();
  crash([] {
    const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    sigaltstack(&none, nullptr);  // that of the test framework
    release_fatal_signals();
    catch_fatal_signals();
    _exit(overflow(0));
  });
  CHECK(read_records(folder).ranks[1].record.value().message == "SIGSEGV");
  disarm();
}

TEST_CASE("flight_record: the newest start with records is read", "[flight_record]") {
  const std::string run = test::temporary_folder();
  CHECK_THROWS_WITH(newest_records(run), Contains(run + "/flight does not exist"));
  for (const char* start : {"10-1", "20-1", "30-1"}) {
    const std::string folder = flight_folder(run) + "/" + start;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/" + kRanksFile)
        << R"({"flight_ranks": 1, "ranks": [{"host": "a", "pid": 1}, {"host": "b", "pid": 2}]})";
    if (std::string(start) == "30-1") continue;
    arm({folder, 0, 2});
    write_record(Reason::failure, start);
  }
  disarm();
  CHECK(newest_records(run).ranks[0].record->message == "20-1");
  CHECK(newest_records(run).start.name == "20-1");
  CHECK(newest_records(run).later == std::vector<Start>{{"30-1", flight_folder(run) + "/30-1"}});
  for (const char* start : {"10-1", "20-1"}) {
    std::filesystem::remove(flight_folder(run) + "/" + start + "/" + record_name(0));
  }
  CHECK_THROWS_WITH(newest_records(run), Contains("no rank has left a record") && Contains("30-1"));
  std::filesystem::remove(flight_folder(run) + "/30-1/" + kRanksFile);
  CHECK_THROWS_WITH(newest_records(run), !Contains(kRanksFile));
}

}  // namespace
}  // namespace sy::flight
