// SPDX-License-Identifier: Apache-2.0
// A run's lock: within a host the kernel's, across hosts the owner's heartbeat.
#include "lib/train/run_lock.h"

#include <unistd.h>
#include <utime.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

constexpr Heartbeat kQuick{0.05, 0.6};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// As a host that the kernel's locks do not reach would leave it.
void leave_lock_of_another_host(const std::string& folder) {
  std::ofstream(folder + "/lock") << "process 12 on elsewhere, started 2020-01-01\nanother-boot\n";
}

TEST_CASE("run_lock: the second in a folder is refused until the first releases it", "[run_lock]") {
  const std::string folder = temporary_folder() + "/run";
  {
    // The kernel's lock alone: its heart does not beat while the second one watches.
    const RunLock first(folder, {60, 0.2});
    CHECK_THAT(text_of(folder + "/lock"), Catch::Contains(fmt::format("process {} on ", getpid())));
    CHECK_THROWS_WITH(RunLock(folder, kQuick), Catch::Contains(folder + " is in use by process ") &&
                                                   Catch::Contains("run.name"));
    // The refused one has not spoiled it.
    CHECK_THROWS_AS(RunLock(folder, kQuick), ConfigError);
    CHECK_FALSE(text_of(folder + "/lock").empty());
  }
  CHECK(text_of(folder + "/lock").empty());
  const RunLock next(folder, kQuick);
}

TEST_CASE("run_lock: an owner sets the time of its lock", "[run_lock]") {
  const std::string folder = temporary_folder();
  const RunLock lock(folder, kQuick);
  const struct utimbuf past = {1, 1};
  REQUIRE(utime((folder + "/lock").c_str(), &past) == 0);
  const auto before = std::filesystem::last_write_time(folder + "/lock");
  for (int i = 0; i < 500 && std::filesystem::last_write_time(folder + "/lock") == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(std::filesystem::last_write_time(folder + "/lock") > before);
}

TEST_CASE("run_lock: an owner on another host is alive while its heart beats", "[run_lock]") {
  const std::string folder = temporary_folder();
  leave_lock_of_another_host(folder);
  std::atomic<bool> ended = false;
  std::thread other([&] {
    for (time_t second = 1000; !ended; ++second) {
      const struct utimbuf time = {second, second};
      utime((folder + "/lock").c_str(), &time);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  CHECK_THROWS_WITH(RunLock(folder, kQuick), Catch::Contains("in use by process 12 on elsewhere"));
  ended = true;
  other.join();
  CHECK_THAT(text_of(folder + "/lock"), Catch::Contains("elsewhere"));  // nothing was written
  const RunLock taken(folder, kQuick);
  CHECK_THAT(text_of(folder + "/lock"), !Catch::Contains("elsewhere"));
}

TEST_CASE("run_lock: whoever waits for it hears of it every second", "[run_lock]") {
  const std::string folder = temporary_folder();
  leave_lock_of_another_host(folder);
  int told = 0;
  const RunLock taken(folder, {60, 2.5}, [&] { ++told; });
  CHECK((told == 1 || told == 2));
}

TEST_CASE("run_lock: a folder that cannot be made is named", "[run_lock]") {
  const std::string folder = temporary_folder();
  std::ofstream(folder + "/file") << "in the way";
  CHECK_THROWS_WITH(RunLock(folder + "/file/run"), Catch::Contains("run.directory"));
}

}  // namespace
}  // namespace sy
