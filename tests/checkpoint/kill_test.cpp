// SPDX-License-Identifier: Apache-2.0
// A run that is killed at any instant keeps its committed checkpoints and can save the step again.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/shard.h"
#include "tests/checkpoint/child.h"
#include "tests/checkpoint/file_log.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using namespace checkpoint;
namespace fs = std::filesystem;

constexpr int kRanks = 2;
constexpr int kFiles = kRanks + 3;  // tokenizer, index and manifest

// A run's folder with step 1 and, where `again`, step 2 of version 7; step 2 of version 2 is saved
// from `ranks` ranks by the writer itself, which is killed before any one of the calls that it
// makes.
class KilledSave {
 public:
  KilledSave(int ranks, bool again) : ranks_(ranks), again_(again) {
    save(begun_, {}, kRanks, 1, 1);
    if (again) save(begun_, {}, kRanks, 2, 7);
    fs::copy(begun_, folder_, fs::copy_options::recursive);
    const FileLog log;
    save_second();
    const std::vector<LoggedCall> calls = log.calls();
    calls_ = static_cast<int64_t>(calls.size());
    named_ = naming_call(calls, folder_ + "/step-00000002");
    const bool renamed = calls.at(static_cast<size_t>(named_)).call == FileCall::rename;
    two_calls_ = renamed && std::any_of(calls.begin(), calls.end(), [](const LoggedCall& call) {
                   return call.call == FileCall::exchange;
                 });
  }

  int64_t calls() const { return calls_; }
  int64_t named() const { return named_; }
  const std::string& folder() const { return folder_; }

  // Whether the process was killed, as it is unless it makes fewer calls.
  bool kill_before(int64_t call) const {
    fs::remove_all(folder_);
    fs::copy(begun_, folder_, fs::copy_options::recursive);
    return !run_in_child([&] {
      const FileLog log(call);
      save_second();
      return std::string();
    });
  }

  // The newest checkpoint is the old one or, once it has its name, the new one; whole either way.
  // Only where the file system cannot exchange two folders is the one of step 1 the newest between.
  bool is_sound(bool committed) const {
    const std::string path = newest_checkpoint(folder_);
    if (committed) return path.ends_with("step-00000002") && reads_as(path, {}, kRanks, 2);
    if (again_ && (!two_calls_ || path.ends_with("step-00000002"))) {
      return path.ends_with("step-00000002") && reads_as(path, {}, kRanks, 7);
    }
    return path.ends_with("step-00000001") && reads_as(path, {}, kRanks, 1);
  }

 private:
  void save_second() const { save(folder_, {}, ranks_, 2, 2, 1); }

  int ranks_;
  bool again_, two_calls_ = false;
  std::string root_ = temporary_folder(), begun_ = root_ + "/begun", folder_ = root_ + "/killed";
  int64_t calls_ = 0, named_ = 0;
};

TEST_CASE("checkpoint: killed before any call of a save", "[checkpoint_kill]") {
  // The attempt that is killed may have more ranks, or replace a checkpoint of its step.
  const auto [ranks, again] = GENERATE(table<int, bool>({{2, false}, {4, false}, {2, true}}));
  const KilledSave killed(ranks, again);
  REQUIRE(killed.named() > 20);
  REQUIRE(killed.calls() > killed.named());
  for (int64_t call = 0; call < killed.calls(); ++call) {
    INFO("before call " << call << " of " << killed.calls() << ", the name being " << killed.named()
                        << ", " << ranks << " ranks, again " << again);
    REQUIRE(killed.kill_before(call));
    REQUIRE(killed.is_sound(call > killed.named()));
    // The same step again, with other contents.
    save(killed.folder(), {}, kRanks, 2, 5);
    const std::string path = newest_checkpoint(killed.folder());
    REQUIRE(path.ends_with("step-00000002"));
    REQUIRE(reads_as(path, {}, kRanks, 5));
    REQUIRE(CheckpointReader(path).verify().empty());
    // Nothing of the first attempt is left, in the checkpoint or beside it.
    REQUIRE(std::distance(fs::directory_iterator(path), {}) == kFiles);
    REQUIRE(partial_steps(killed.folder()).empty());
    REQUIRE(trash_names(killed.folder()).empty());
  }
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
  CHECK(std::distance(fs::directory_iterator(newest_checkpoint(folder)), {}) == kFiles);
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
