// SPDX-License-Identifier: Apache-2.0
// The file by which ranks that hang ask the others for their records: who looks for it, and when.
#include "lib/dist/flight/hang_sign.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/flight/read_records.h"
#include "tests/support/shared_files.h"

namespace sy::flight {
namespace {

using namespace std::chrono_literals;

// The folder of a start whose only rank is this process.
std::string one_rank() {
  std::string folder = test::temporary_folder();
  std::ofstream(folder + "/" + kRanksFile)
      << R"({"flight_ranks": 1, "ranks": [{"host": "a", "pid": 11}]})";
  arm({folder, 0, 1});
  return folder;
}

void begin_steps(Clock::time_point time) {
  for (int64_t step = 1; step <= kStepsRemembered; ++step) set_step(step, time);
}

// Its thread looks for the sign ten times a second.
class Watcher {
 public:
  explicit Watcher(const std::string& folder) { watch_for_sign(folder, 4, ended_); }
  ~Watcher() {
    *ended_ = true;
    disarm();
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
};

void wait_for_record(const std::string& folder) {
  for (int i = 0; i < 3000 && !std::filesystem::exists(folder + "/" + record_name(0)); ++i) {
    std::this_thread::sleep_for(10ms);
  }
}

TEST_CASE("hang_sign: the last three steps are remembered", "[hang_sign]") {
  const auto now = Clock::now();
  for (int64_t step = 1; step <= 5; ++step) set_step(step, now + step * 1s);
  CHECK(steps_begun_after(now) == 3);
  CHECK(steps_begun_after(now + 3s) == 2);
  CHECK(steps_begun_after(now + 4s) == 1);
  CHECK(steps_begun_after(now + 5s) == 0);
}

TEST_CASE("hang_sign: one rank puts it up", "[hang_sign]") {
  const std::string folder = one_rank();
  disarm();  // by another thread, while this one reports a hang
  CHECK(raise_sign(folder));
  CHECK(std::filesystem::exists(folder + "/hang"));
  CHECK_FALSE(raise_sign(folder));
}

TEST_CASE("hang_sign: a rank looks for it once its steps do not go on", "[hang_sign]") {
  const std::string folder = one_rank();
  CHECK(raise_sign(folder));
  begin_steps(Clock::now() + 1h);  // as if steps went on all the time
  const Watcher watcher(folder);
  std::this_thread::sleep_for(500ms);
  CHECK(is_armed());
  SECTION("for half the limit") {
    begin_steps(Clock::now() - 3s);
  }
  SECTION("but for two, which a rank may begin while another hangs already") {
    set_step(4, Clock::now() - 3s);
  }
  wait_for_record(folder);
  REQUIRE(read_records(folder).ranks[0].record);
  CHECK(read_records(folder).ranks[0].record->reason == "asked");
}

}  // namespace
}  // namespace sy::flight
