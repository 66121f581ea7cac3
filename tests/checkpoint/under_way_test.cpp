// SPDX-License-Identifier: Apache-2.0
// Two checkpoints under way: on a slow disk, a full one, and in a process that is killed.
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/layout.h"
#include "tests/checkpoint/child.h"
#include "tests/checkpoint/file_log.h"
#include "tests/checkpoint/held_calls.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using namespace checkpoint;

constexpr int kRanks = 2;
constexpr const char* kNoMount = "no mount";

// The ranks of a run, each with its writer, in one process.
class Run {
 public:
  explicit Run(const std::string& folder, int64_t keep = 0, int ranks = kRanks) {
    for (int rank = 0; rank < ranks; ++rank) {
      writers_.push_back(std::make_unique<CheckpointWriter>(folder, rank, ranks, keep));
    }
  }

  void start(int64_t step, WritePace pace = WritePace::full) {
    for (size_t rank = 0; rank < writers_.size(); ++rank) {
      const auto ranks = static_cast<int>(writers_.size());
      const RankModel model({}, static_cast<int>(rank), ranks, step);
      writers_[rank]->start(model.tensors(), model.meta(step), {}, pace);
    }
  }

  bool ready() {
    bool all = true;
    for (const auto& writer : writers_) all = writer->ready() && all;
    return all;
  }
  // Waits for what the oldest needs on all ranks, then advances it.
  bool advance() {
    for (const auto& writer : writers_) writer->wait_ready();
    bool committed = false;
    for (const auto& writer : writers_) committed = writer->advance();
    return committed;
  }
  void commit() {
    while (!advance()) {
    }
  }
  const std::vector<std::unique_ptr<CheckpointWriter>>& writers() const { return writers_; }
  CheckpointWriter& first() { return *writers_.front(); }

 private:
  std::vector<std::unique_ptr<CheckpointWriter>> writers_;
};

std::string shard_of(const std::string& folder, int64_t step, int64_t rank) {
  return folder + "/" + partial_name(step) + "/" + shard_name(rank);
}

TEST_CASE("checkpoints under way: the second waits for nobody, a third must",
          "[checkpoint_under_way]") {
  const std::string folder = temporary_folder();
  Run run(folder);
  HeldCalls slow(FileCall::sync, shard_of(folder, 1, 1));
  run.start(1);
  slow.wait_until_held();
  run.start(2);
  CHECK(run.first().full());
  CHECK_FALSE(run.ready());
  CHECK_THROWS_WITH(run.start(3), Catch::Contains("two checkpoints are under way"));
  CHECK(partial_steps(folder) == std::vector<int64_t>{1});
  slow.release();
  run.commit();
  CHECK(committed_steps(folder) == std::vector<int64_t>{1});
  CHECK_FALSE(run.first().full());
  run.start(3);
  run.commit();
  CHECK(committed_steps(folder) == std::vector<int64_t>{1, 2});
  run.commit();
  CHECK_FALSE(run.first().busy());
  for (int64_t step = 1; step <= 3; ++step) {
    CHECK(reads_as(folder + "/" + committed_name(step), {}, kRanks, step));
  }
}

TEST_CASE(
    "checkpoints under way: a slow commit keeps nobody waiting, and the disk has one at a time",
    "[checkpoint_under_way]") {
  const std::string folder = temporary_folder();
  Run run(folder);
  HeldCalls slow(FileCall::sync, folder + "/" + partial_name(1) + "/index.h5");
  run.start(1);
  CHECK_FALSE(run.advance());
  slow.wait_until_held();
  CHECK_FALSE(run.ready());
  run.start(2);
  CHECK(committed_steps(folder).empty());
  slow.release();
  for (const auto& writer : run.writers()) writer->wait_ready();
  CHECK(committed_steps(folder) == std::vector<int64_t>{1});
  CHECK(partial_steps(folder).empty());
  CHECK(run.advance());
  run.commit();
  CHECK(reads_as(newest_checkpoint(folder), {}, kRanks, 2));
}

TEST_CASE("checkpoints under way: what a checkpoint spares is what was asked for at its start",
          "[checkpoint_under_way]") {
  const std::string folder = temporary_folder();
  Run run(folder, 1);
  run.start(1);
  run.commit();
  run.first().spare({1});
  run.start(2);
  run.first().spare({3});  // the best from then on
  run.start(3);
  run.commit();
  CHECK(committed_steps(folder) == std::vector<int64_t>{1, 2});
  run.commit();
  CHECK(committed_steps(folder) == std::vector<int64_t>{3});
}

TEST_CASE("checkpoints under way: the threads beside training step back",
          "[checkpoint_under_way]") {
  const std::string folder = temporary_folder();
  const int here = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
  const auto [pace, nicer] =
      GENERATE(table<WritePace, int>({{WritePace::full, 0}, {WritePace::beside_training, 14}}));
  const std::string partial = folder + "/" + partial_name(1);
  for (const std::string& path : {partial + "/shard-00000.h5", partial + "/manifest.json"}) {
    Run run(folder, 0, 1);
    HeldCalls slow(FileCall::sync, path);
    run.start(1, pace);
    if (path.ends_with(".json")) CHECK_FALSE(run.advance());
    CHECK(slow.nice() == std::min(here + nicer, 19));
    slow.release();
    run.commit();
  }
  CHECK(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())) == here);
}

TEST_CASE("checkpoints under way: an error does not wait for a slow disk",
          "[checkpoint_under_way]") {
  const std::string folder = temporary_folder(), shard = shard_of(folder, 1, 0);
  HeldCalls slow(FileCall::sync, shard);
  std::promise<void> thrown;
  std::thread rescue([&slow, done = thrown.get_future()] {
    done.wait_for(std::chrono::seconds(20));
    slow.release();
  });
  try {
    Run run(folder, 0, 1);
    run.start(1);
    slow.wait_until_held();
    throw RuntimeFailure("something else");
  } catch (const RuntimeFailure&) {
    CHECK(slow.holds());
    thrown.set_value();
  }
  rescue.join();
  // The thread ends by itself, and leaves what it would have left.
  const std::string record = folder + "/" + partial_name(1) + "/" + shard_record_name(0);
  while (!std::filesystem::exists(record)) std::this_thread::yield();
}

// Starts checkpoints 2 and 3 beside each other and commits them.
void save_two(const std::string& folder) {
  Run run(folder);
  run.start(2);
  run.start(3);
  run.commit();
  run.commit();
}

TEST_CASE("checkpoints under way: killed before any call", "[checkpoint_under_way]") {
  const std::string root = temporary_folder(), begun = root + "/begun", folder = root + "/killed";
  save(begun, {}, kRanks, 1, 1);
  std::filesystem::copy(begun, folder, std::filesystem::copy_options::recursive);
  int64_t calls = 0;
  {
    const FileLog log;
    save_two(folder);
    calls = static_cast<int64_t>(log.calls().size());
  }
  REQUIRE(calls > 40);
  std::vector<int> found(4);  // kills after which so many were committed
  for (int64_t call = 0; call < calls; ++call) {
    INFO("before call " << call << " of " << calls);
    std::filesystem::remove_all(folder);
    std::filesystem::copy(begun, folder, std::filesystem::copy_options::recursive);
    run_in_child([&] {
      const FileLog log(call);
      save_two(folder);
      return std::string();
    });
    // The oldest ones, whole, so that the run goes on from there.
    const std::vector<int64_t> steps = committed_steps(folder);
    REQUIRE(steps.size() >= 1);
    ++found[steps.size()];
    for (size_t i = 0; i < steps.size(); ++i) {
      REQUIRE(steps[i] == static_cast<int64_t>(i + 1));
      REQUIRE(reads_as(folder + "/" + committed_name(steps[i]), {}, kRanks, steps[i]));
    }
    save_two(folder);
    REQUIRE(reads_as(newest_checkpoint(folder), {}, kRanks, 3));
    REQUIRE(partial_steps(folder).empty());
  }
  CHECK(found[1] > 0);
  CHECK(found[2] > 0);
}

// Two checkpoints are under way, and the disk is full once the first is committed.
std::string fill_between(const std::string& folder) {
  if (!mount_small_disk(folder, 4 << 20)) return kNoMount;
  Run run(folder, 0, 1);
  HeldCalls slow(FileCall::write, shard_of(folder, 2, 0));
  run.start(1);
  run.start(2);
  run.commit();
  slow.wait_until_held();
  const auto room = static_cast<size_t>(std::filesystem::space(folder).available);
  write_synced(folder + "/filler", std::string(room, 'x'));
  slow.release();
  std::string said = "no failure";
  try {
    run.commit();
  } catch (const RuntimeFailure& failure) {
    said = failure.what();
  }
  said += reads_as(newest_checkpoint(folder), {}, 1, 1) ? "; kept 1" : "; lost 1";
  remove_path(folder + "/filler");
  run.start(3);
  run.commit();
  return said + (reads_as(newest_checkpoint(folder), {}, 1, 3) ? "; saved 3" : "; did not save 3");
}

TEST_CASE("checkpoints under way: a disk that is full for the second", "[checkpoint_under_way]") {
  const std::string folder = temporary_folder();
  const auto said = run_in_child([&] { return fill_between(folder); });
  REQUIRE(said);
  INFO(*said);
  if (*said == kNoMount) return skip("mounting a small disk is not permitted");
  CHECK_THAT(*said, Catch::Contains("No space left on device; kept 1; saved 3"));
  CHECK_THAT(*said, Catch::Contains(folder));
}

}  // namespace
}  // namespace sy
