// Killed at any instant, a run keeps its committed checkpoints and can save the same step again.
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/shard.h"
#include "tests/checkpoint/child.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using namespace checkpoint;
namespace fs = std::filesystem;

constexpr int kRanks = 2;

// The writer's own steps for step 2 from `ranks` ranks, the first `count` of them. The last two
// come after the checkpoint is committed.
constexpr int kSteps = 10;
constexpr int kCommitted = 8;  // steps after which step 2 is there
void first_steps(const std::string& folder, int ranks, int count) {
  const std::string partial = folder + "/" + partial_name(2);
  const auto next = [&count] { return count-- > 0; };
  std::vector<ShardRecord> records;
  for (int rank = 0; rank < 2; ++rank) {
    if (!next()) return;
    const RankModel model({}, rank, ranks, 2);
    records.push_back(write_shard_file(partial, {rank, ranks}, model.tensors(), model.meta(2)));
    if (!next()) return;
    write_shard_record(partial, records.back());
  }
  for (int rank = 2; rank < ranks; ++rank) {
    const RankModel model({}, rank, ranks, 2);
    write_shard_record(partial,
                       write_shard_file(partial, {rank, ranks}, model.tensors(), model.meta(2)));
  }
  if (!next()) return;
  const CheckpointMeta meta = RankModel({}, 0, ranks, 2).meta(2);
  Manifest manifest = merge_records(read_shard_records(partial, ranks, meta), meta);
  if (!next()) return;
  write_index(partial, manifest);
  if (!next()) return;
  write_manifest(partial, manifest);
  if (!next()) return;
  publish(folder, 2);
  if (!next()) return;
  retire(folder, 2, 1);
  if (!next()) return;
  empty_trash(folder);
}

TEST_CASE("checkpoint: stopped after any step of a save", "[checkpoint_kill]") {
  const int count = GENERATE(range(0, kSteps + 1));
  const int ranks = GENERATE(2, 4);  // the attempt that stops may have more ranks
  const std::string folder = temporary_folder();
  save(folder, {}, kRanks, 1, 1);
  first_steps(folder, ranks, count);
  INFO("stopped after " << count << " steps of " << ranks << " ranks");
  const bool committed = count >= kCommitted;
  CHECK(newest_checkpoint(folder).ends_with(committed ? "step-00000002" : "step-00000001"));
  CHECK(reads_as(newest_checkpoint(folder), {}, kRanks, committed ? 2 : 1));
  // The same step again, with other contents.
  save(folder, {}, kRanks, 2, 5);
  const std::string path = newest_checkpoint(folder);
  CHECK(path.ends_with("step-00000002"));
  CHECK(reads_as(path, {}, kRanks, 5));
  CHECK(CheckpointReader(path).verify().empty());
  // Nothing of the first attempt is left, in the checkpoint or beside it.
  CHECK(std::distance(fs::directory_iterator(path), {}) == kRanks + 2);
  CHECK(partial_steps(folder).empty());
  CHECK(trash_names(folder).empty());
}

TEST_CASE("checkpoint: a torn record or shard of an earlier attempt", "[checkpoint_kill]") {
  const std::string folder = temporary_folder(), partial = folder + "/" + partial_name(1);
  make_folder(partial);
  for (const char* name : {"shard-00000.h5", "shard-00000.json", "shard-00001.json", "index.h5",
                           "manifest.json", "shard-00007.h5", "shard-00007.json", "junk"}) {
    write_synced(partial + "/" + name, "torn");
  }
  save(folder, {}, kRanks, 1, 4);
  CHECK(reads_as(newest_checkpoint(folder), {}, kRanks, 4));
  CHECK(std::distance(fs::directory_iterator(newest_checkpoint(folder)), {}) == kRanks + 2);
}

TEST_CASE("checkpoint: an old record never vouches for a new shard", "[checkpoint_kill]") {
  const std::string partial = temporary_folder() + "/" + partial_name(2);
  const RankModel model({}, 0, 1, 2);
  write_shard_record(partial, write_shard_file(partial, {0, 1}, model.tensors(), model.meta(2)));
  CHECK(read_shard_records(partial, 1, model.meta(2)).size() == 1);
  write_shard_file(partial, {0, 1}, model.tensors(), model.meta(2));
  CHECK_THROWS_WITH(read_shard_records(partial, 1, model.meta(2)), Catch::Contains("is missing"));
}

// Rank 0 of `ranks` commits although the others' shards are not those of this attempt.
void commit_alone(const std::string& folder, int ranks) {
  CheckpointWriter writer(folder, 0, ranks, 0);
  const RankModel model({}, 0, ranks, 1);
  writer.start(model.tensors(), model.meta(1));
  writer.commit();
}

TEST_CASE("checkpoint: shards of other attempts are not committed", "[checkpoint_kill]") {
  const std::string folder = temporary_folder(), partial = folder + "/" + partial_name(1);
  CHECK_THROWS_WITH(commit_alone(folder, 2), Catch::Contains("shard-00001.json is missing") &&
                                                 Catch::Contains("rank 1 shares with rank 0"));
  const RankModel model({}, 1, 2, 1);
  CheckpointMeta meta = model.meta(1);
  const auto leave = [&](int ranks) {
    write_shard_record(partial, write_shard_file(partial, {1, ranks}, model.tensors(), meta));
  };
  leave(4);
  CHECK_THROWS_WITH(commit_alone(folder, 2), Catch::Contains("was left by another attempt"));
  meta.step = 3;
  leave(2);
  CHECK_THROWS_WITH(commit_alone(folder, 2), Catch::Contains("was left by another attempt"));
  meta.step = 1;
  meta.attempt = "attempt-0";
  leave(2);
  CHECK_THROWS_WITH(commit_alone(folder, 2), Catch::Contains("was left by another attempt"));
  meta.attempt = "attempt-1";
  leave(2);
  fs::resize_file(partial + "/shard-00001.h5", 100);
  CHECK_THROWS_WITH(commit_alone(folder, 2), Catch::Contains("shard-00001.h5 does not have its"));
  CHECK(newest_checkpoint(folder).empty());
  leave(2);
  commit_alone(folder, 2);
  CHECK(reads_as(newest_checkpoint(folder), {}, 2, 1));
}

TEST_CASE("checkpoint: killed at any time", "[checkpoint_kill]") {
  const std::string folder = temporary_folder();
  save(folder, {}, kRanks, 1, 1, 2);
  for (int64_t attempt = 0; attempt < 40; ++attempt) {
    // Version and step agree, so what is found tells whether it is whole; odd attempts save a step
    // that is committed already once more.
    const int64_t newest = CheckpointReader(newest_checkpoint(folder)).step();
    kill_child_after(500 + attempt * 1500, [&] {
      for (int64_t step = newest + 1 - attempt % 2;; ++step)
        save(folder, {}, kRanks, step, step, 2);
    });
    const std::string path = newest_checkpoint(folder);
    const int64_t step = CheckpointReader(path).step();
    INFO(path);
    REQUIRE(step >= newest);
    REQUIRE(reads_as(path, {}, kRanks, step));
  }
  // The next save clears what the killed ones left.
  const int64_t last = CheckpointReader(newest_checkpoint(folder)).step() + 1;
  save(folder, {}, kRanks, last, last, 2);
  CHECK(std::distance(fs::directory_iterator(folder), {}) == 2);
}

}  // namespace
}  // namespace sy
