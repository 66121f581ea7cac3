// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "lib/checkpoint/durable.h"
#include "tests/checkpoint/child.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

constexpr const char* kNoMount = "no mount";

// Saves step 1, fills the disk except for `spare` bytes, fails to save step 2, and saves step 3
// once there is space again. Returns the error and what was left.
std::string fill_and_save(const std::string& folder, int64_t disk, int64_t spare, int ranks) {
  if (!mount_small_disk(folder, disk)) return kNoMount;
  save(folder, {}, ranks, 1, 1);
  const auto room = static_cast<int64_t>(std::filesystem::space(folder).available);
  checkpoint::write_synced(folder + "/filler", std::string(static_cast<size_t>(room - spare), 'x'));
  std::string said = "no failure";
  try {
    save(folder, {}, ranks, 2, 2);
  } catch (const RuntimeFailure& failure) {
    said = failure.what();
  }
  said += newest_checkpoint(folder).ends_with("step-00000001") ? "; kept 1" : "; lost 1";
  said += reads_as(newest_checkpoint(folder), {}, ranks, 1) ? "; intact" : "; damaged";
  std::filesystem::remove(folder + "/filler");
  save(folder, {}, ranks, 3, 3);
  said += reads_as(newest_checkpoint(folder), {}, ranks, 3) ? "; saved 3" : "; did not save 3";
  return said;
}

TEST_CASE("checkpoint: a full disk is reported and costs nothing committed", "[checkpoint_full]") {
  const int ranks = GENERATE(1, 2);
  // From no space at all to space for all but the last pages.
  const int64_t spare = GENERATE(0, 4096, 8192, 16384, 32768, 49152, 65536, 81920);
  const std::string folder = temporary_folder();
  const auto said = run_in_child([&] { return fill_and_save(folder, 4 << 20, spare, ranks); });
  REQUIRE(said);
  INFO(spare << " bytes spare: " << *said);
  if (*said == kNoMount) return skip("mounting a small disk is not permitted");
  CHECK(said->find("No space left on device; kept 1; intact; saved 3") != std::string::npos);
  CHECK(said->find(folder) != std::string::npos);
}

TEST_CASE("checkpoint: a limit on the size of files is reported", "[checkpoint_full]") {
  const int64_t limit = GENERATE(0, 100, 2000, 5000, 10000, 20000, 30000);
  const std::string folder = temporary_folder();
  const auto said = run_in_child([&]() -> std::string {
    limit_file_size(limit);
    save(folder, {}, 1, 1, 1);
    return "no failure";
  });
  REQUIRE(said);
  INFO(limit << ": " << *said);
  CHECK(said->find("cannot write " + folder + "/step-00000001.partial/") != std::string::npos);
  CHECK(said->find("File too large") != std::string::npos);
  CHECK(newest_checkpoint(folder).empty());
}

TEST_CASE("checkpoint: a folder that cannot be written is reported at once", "[checkpoint_full]") {
  const std::string folder = temporary_folder();
  std::ofstream(folder + "/file") << "in the way";
  CHECK_THROWS_WITH(CheckpointWriter(folder + "/file/checkpoints", 0, 1, 0),
                    Catch::Contains(folder + "/file/checkpoints") && Catch::Contains("directory"));
  CHECK_THROWS_AS(CheckpointWriter("/proc/1/no/checkpoints", 0, 1, 0), RuntimeFailure);
}

}  // namespace
}  // namespace sy
