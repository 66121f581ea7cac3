// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using namespace checkpoint;
namespace fs = std::filesystem;

TEST_CASE("checkpoint writer: keeps the newest", "[checkpoint_writer]") {
  const int64_t keep = GENERATE(0, 1, 3);
  const std::string folder = temporary_folder();
  for (int64_t step = 10; step <= 50; step += 10) save(folder, {}, 2, step, step, keep);
  const std::vector<int64_t> all{10, 20, 30, 40, 50};
  const auto kept = keep == 0 ? all.begin() : all.end() - keep;
  CHECK(committed_steps(folder) == std::vector<int64_t>(kept, all.end()));
  CHECK(reads_as(newest_checkpoint(folder), {}, 2, 50));
}

TEST_CASE("checkpoint writer: what is committed last is kept, whatever its step",
          "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  for (const int64_t step : {100, 200, 300}) save(folder, {}, 1, step, step, 3);
  save(folder, {}, 1, 50, 50, 2);
  CHECK(committed_steps(folder) == std::vector<int64_t>{50, 300});
}

TEST_CASE("checkpoint writer: spared steps are kept beside the newest", "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 2);
  const auto commit = [&](int64_t step, std::vector<int64_t> spared) {
    writer.spare(std::move(spared));
    const RankModel model({}, 0, 1, step);
    writer.start(model.tensors(), model.meta(step));
    writer.commit();
  };
  for (int64_t step = 10; step <= 50; step += 10) commit(step, {10, 30});
  CHECK(committed_steps(folder) == std::vector<int64_t>{10, 30, 40, 50});
  commit(60, {50});
  CHECK(committed_steps(folder) == std::vector<int64_t>{50, 60});
  commit(70, {});
  CHECK(committed_steps(folder) == std::vector<int64_t>{60, 70});
}

TEST_CASE("checkpoint writer: milestones are kept beside the newest", "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 2, 20);
  const auto commit = [&](int64_t step) {
    const RankModel model({}, 0, 1, step);
    writer.start(model.tensors(), model.meta(step));
    writer.commit();
  };
  for (int64_t step = 10; step <= 70; step += 10) commit(step);
  CHECK(committed_steps(folder) == std::vector<int64_t>{20, 40, 60, 70});
  writer.spare({70});
  for (int64_t step = 80; step <= 110; step += 10) commit(step);
  CHECK(committed_steps(folder) == std::vector<int64_t>{20, 40, 60, 70, 80, 100, 110});
}

TEST_CASE("checkpoint writer: left-overs of earlier runs go, a rank that is ahead is left alone",
          "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  for (const char* name :
       {"step-00000003.partial", "step-00000004.trash", "step-00000009.partial", "notes"}) {
    make_folder(folder + "/" + name);
    write_synced(folder + "/" + name + "/file", "x");
  }
  save(folder, {}, 1, 5, 5);
  CHECK(partial_steps(folder) == std::vector<int64_t>{9});
  CHECK(trash_names(folder).empty());
  CHECK(fs::exists(folder + "/notes/file"));
}

TEST_CASE("checkpoint writer: a run that goes back finds no later checkpoint",
          "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  for (const int64_t step : {100, 200, 300}) save(folder, {}, 1, step, step);
  CHECK(set_aside_later(folder, 300).empty());
  CHECK(set_aside_later(folder, 100) == folder + "/set-aside-1");
  CHECK(committed_steps(folder) == std::vector<int64_t>{100});
  CHECK(committed_steps(folder + "/set-aside-1") == std::vector<int64_t>{200, 300});
  CHECK(reads_as(newest_checkpoint(folder + "/set-aside-1"), {}, 1, 300));
  save(folder, {}, 1, 200, 7);
  CHECK(set_aside_later(folder, 0) == folder + "/set-aside-2");
  CHECK(newest_checkpoint(folder).empty());
  CHECK(reads_as(folder + "/set-aside-2/step-00000200", {}, 1, 7));
}

TEST_CASE("checkpoint writer: saves what the tensors held at start()", "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 0);
  CHECK_FALSE(writer.busy());
  RankModel model({}, 0, 1, 1);
  writer.start(model.tensors(), model.meta(1));
  model.clear();
  CHECK(writer.busy());
  CHECK_FALSE(writer.full());
  CHECK_THROWS_AS(writer.start(model.tensors(), model.meta(1)), InternalError);
  while (!writer.ready()) std::this_thread::yield();
  CHECK(newest_checkpoint(folder).empty());
  CHECK(writer.busy());
  writer.commit();
  CHECK_FALSE(writer.busy());
  CHECK(reads_as(newest_checkpoint(folder), {}, 1, 1));
  CHECK_THROWS_AS(writer.ready(), InternalError);
}

TEST_CASE("checkpoint writer: one writer saves again and again", "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 2);
  for (const int64_t step : {1, 2, 3}) {
    // Another model half way: the staging memory follows.
    const ModelShape shape{step == 3 ? 16 : 8, 6, 4};
    const RankModel model(shape, 0, 1, step);
    writer.start(model.tensors(), model.meta(step));
    writer.commit();
    CHECK(reads_as(newest_checkpoint(folder), shape, 1, step));
  }
}

TEST_CASE("checkpoint writer: destroyed without a commit", "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  {
    CheckpointWriter writer(folder, 0, 1, 0);
    const RankModel model({}, 0, 1, 1);
    writer.start(model.tensors(), model.meta(1));
  }
  CHECK(newest_checkpoint(folder).empty());
  CHECK(fs::exists(folder + "/step-00000001.partial/shard-00000.json"));
}

TEST_CASE("checkpoint writer: a failed shard leaves the writer usable", "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 0);
  const RankModel model({}, 0, 1, 1);
  write_synced(folder + "/step-00000001.partial", "in the way");
  writer.start(model.tensors(), model.meta(1));
  CHECK_THROWS_WITH(writer.wait_ready(), Catch::Contains("step-00000001.partial"));
  CHECK_FALSE(writer.busy());
  writer.start(model.tensors(), model.meta(2));
  writer.commit();
  CHECK(reads_as(newest_checkpoint(folder), {}, 1, 1));
}

TEST_CASE("checkpoint writer: a folder that was moved away is not made anew",
          "[checkpoint_writer]") {
  const std::string run = temporary_folder() + "/run";
  CheckpointWriter zero(run + "/checkpoints", 0, 2, 0), one(run + "/checkpoints", 1, 2, 0);
  fs::rename(run, run + "-moved");
  for (CheckpointWriter* writer : {&zero, &one}) {
    const RankModel model({}, writer == &zero ? 0 : 1, 2, 1);
    writer->start(model.tensors(), model.meta(1));
    CHECK_THROWS_WITH(writer->wait_ready(), Catch::Contains("run/checkpoints/step-00000001"));
  }
  CHECK_FALSE(fs::exists(run));
}

TEST_CASE("checkpoint writer: what cannot be read back is a failure of the run",
          "[checkpoint_writer]") {
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 0);
  const RankModel model({}, 0, 1, 1);
  writer.start(model.tensors(), model.meta(1));
  writer.wait_ready();
  const std::string record = folder + "/step-00000001.partial/shard-00000.json";
  remove_path(record);
  make_folder(record);
  CHECK_THROWS_AS(writer.commit(), RuntimeFailure);
}

// Rank 0 and 1 of two with the tensors given.
std::string merge_complaint(CheckpointTensor first, CheckpointTensor second) {
  const std::string folder = temporary_folder();
  CheckpointWriter zero(folder, 0, 2, 0), one(folder, 1, 2, 0);
  const CheckpointMeta meta{1, "", "", {}, ""};
  one.start({second}, meta);
  zero.start({first}, meta);
  one.wait_ready();
  try {
    zero.commit();
  } catch (const InternalError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("checkpoint writer: slabs must make up the tensor, once", "[checkpoint_writer]") {
  Owned memory = zeros(DType::f32, {2, 3}), wide = zeros(DType::f64, {2, 3});
  const CheckpointTensor zero{"a", memory, {4, 3}, {{0, 0}, {2, 3}}},
      one{"a", memory, {4, 3}, {{2, 0}, {2, 3}}};
  CheckpointTensor silent = one, other = one, early = one;
  early.slab.offset[0] = 1;
  silent.write = false;
  other.local = wide;
  CHECK(merge_complaint(zero, one).empty());
  CHECK_THAT(merge_complaint(zero, silent),
             Catch::Contains("a: no rank writes the element at [2, 0]"));
  CHECK_THAT(merge_complaint(zero, zero),
             Catch::Contains("a: the element at [0, 0] is written by rank 0 and by rank 1"));
  CHECK_THAT(merge_complaint(zero, early),
             Catch::Contains("a: the element at [1, 0] is written by rank 0 and by rank 1"));
  CHECK_THAT(merge_complaint(zero, other), Catch::Contains("ranks disagree about a"));
}

TEST_CASE("checkpoint writer: refuses tensors that it could not store", "[checkpoint_writer]") {
  CheckpointWriter writer(temporary_folder(), 0, 1, 0);
  Owned memory = zeros(DType::f32, {2, 3});
  const auto start = [&](const std::string& name, Tensor local, Shape global, Slab slab) {
    writer.start({{name, local, global, slab}}, {});
  };
  const Slab whole = Slab::whole({2, 3});
  const Tensor rounded(nullptr, DType::bf16, {1}), empty(nullptr, DType::f32, {0});
  CHECK_THROWS_AS(start("a b", memory, {2, 3}, whole), InternalError);
  CHECK_THROWS_AS(start("a", memory, {2, 3}, {}), InternalError);
  CHECK_THROWS_AS(start("a", memory, {4, 3}, Slab::whole({4, 3})), InternalError);
  CHECK_THROWS_AS(start("a", memory, {4, 3}, {{3, 0}, {2, 3}}), InternalError);
  CHECK_THROWS_AS(start("a", memory, {4, 3}, {{-1, 0}, {2, 3}}), InternalError);
  CHECK_THROWS_AS(start("a", rounded, {1}, Slab::whole({1})), InternalError);
  CHECK_THROWS_AS(start("a", empty, {0}, Slab::whole({0})), InternalError);
  CHECK_FALSE(writer.busy());
}

}  // namespace
}  // namespace sy
