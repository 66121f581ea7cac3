// SPDX-License-Identifier: Apache-2.0
// The writer's protocol between processes: the commit waits for the slowest rank, and until then
// the previous checkpoint stays the newest.
#include <catch2/catch.hpp>

#include <array>
#include <cstring>

#include "tests/checkpoint/support.h"
#include "tests/support/mpi_world.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

// One that all ranks see.
std::string shared_folder() {
  std::array<int32_t, 64> words{};
  if (test_world().rank() == 0) {
    const std::string path = temporary_folder();
    REQUIRE(path.size() < sizeof words);
    std::memcpy(words.data(), path.data(), path.size());
  }
  test_world().broadcast(Tensor(words.data(), DType::i32, {64}), 0, "folder");
  return reinterpret_cast<const char*>(words.data());
}

struct Rank {
  explicit Rank(const std::string& folder)
      : writer(folder, test_world().rank(), test_world().size(), 0) {}

  void start(int64_t step) {
    const RankModel model({}, test_world().rank(), test_world().size(), step);
    writer.start(model.tensors(), model.meta(step));
  }
  void save(int64_t step) {
    start(step);
    writer.wait_ready();
    test_world().barrier("shards");
    writer.commit();
    test_world().barrier("committed");
  }

  CheckpointWriter writer;
};

TEST_CASE("checkpoint commit: a rank whose shard is not there holds it back",
          "[checkpoint_commit]") {
  Communicator& world = test_world();
  const std::string folder = shared_folder();
  Rank rank(folder);
  rank.save(1);
  for (int late = 1; late < world.size(); ++late) {
    const int64_t step = 1 + late;
    CAPTURE(late);
    if (world.rank() != late) {
      rank.start(step);
      rank.writer.wait_ready();
      CHECK(rank.writer.ready());
    }
    world.barrier("all but one");
    if (world.rank() == 0) {
      CHECK_THROWS_WITH(rank.writer.commit(),
                        Catch::Contains(fmt::format("shard-{:05}", late)) &&
                            Catch::Contains(fmt::format("rank {} shares with rank 0", late)));
    } else if (world.rank() != late) {
      rank.writer.commit();
    }
    world.barrier("refused");
    CHECK(newest_checkpoint(folder).ends_with(fmt::format("step-{:08}", late)));
    CHECK(reads_as(newest_checkpoint(folder), {}, world.size(), late));
    world.barrier("read");
    // The same step, now by all.
    rank.save(step);
    CHECK(reads_as(newest_checkpoint(folder), {}, world.size(), step));
    world.barrier("read again");
  }
}

TEST_CASE("checkpoint commit: ranks that note it commit nothing", "[checkpoint_commit]") {
  Communicator& world = test_world();
  const std::string folder = shared_folder();
  Rank rank(folder);
  rank.start(1);
  CHECK(rank.writer.busy());
  rank.writer.wait_ready();
  CHECK(rank.writer.busy());
  if (world.rank() != 0) rank.writer.commit();
  CHECK(rank.writer.busy() == (world.rank() == 0));
  world.barrier("all but rank 0");
  CHECK(newest_checkpoint(folder).empty());
  world.barrier("seen");
  if (world.rank() == 0) rank.writer.commit();
  world.barrier("committed");
  CHECK(reads_as(newest_checkpoint(folder), {}, world.size(), 1));
  world.barrier("read");
}

}  // namespace
}  // namespace sy
