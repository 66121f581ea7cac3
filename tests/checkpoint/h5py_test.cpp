// SPDX-License-Identifier: Apache-2.0
// Python's h5py sees each tensor whole and under its name. Skipped where h5py is absent.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

int run(const std::string& command) {
  return std::system(command.c_str());
}

TEST_CASE("checkpoint: h5py reads index.h5, also after the folder has moved", "[checkpoint_h5py]") {
  if (run("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) return skip("h5py is absent");
  const int ranks = GENERATE(1, 4);
  const std::string folder = temporary_folder(), moved = folder + "/elsewhere";
  save(folder, {}, ranks, 1, 3);
  std::filesystem::rename(newest_checkpoint(folder), moved);
  const std::string script =
      "/usr/bin/python3 " SY_SOURCE_DIR "/tests/checkpoint/read_with_h5py.py " + moved;
  CHECK(run(script) == 0);
  // Without a shard: what it held is NaN, and the script sees the difference.
  std::filesystem::remove(moved + "/shard-00000.h5");
  CHECK(run(script + " 0") == 0);
  CHECK(run(script + " 2>/dev/null") != 0);
  if (ranks > 1) CHECK(run(script + " 1 2>/dev/null") != 0);
}

}  // namespace
}  // namespace sy
