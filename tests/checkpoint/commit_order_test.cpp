// SPDX-License-Identifier: Apache-2.0
// What must be durable before what, so that a power cut at any time leaves a checkpoint that is
// committed as a whole or absent. Since no test can cut the power, it checks the order of the
// calls.
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/shard.h"
#include "tests/checkpoint/file_log.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using namespace checkpoint;

struct Saved {
  std::string folder = temporary_folder();
  std::string partial = folder + "/" + partial_name(2),
              committed = folder + "/" + committed_name(2);
  std::vector<LoggedCall> calls;

  explicit Saved(int ranks, bool again) {
    if (again) save(folder, {}, ranks, 2, 7);
    const FileLog log;
    save(folder, {}, ranks, 2, 2);
    calls = log.calls();
  }
  std::vector<std::string> faults() const { return order_faults(calls, partial, committed); }
};

TEST_CASE("checkpoint: durable before it is named", "[checkpoint_order]") {
  const int ranks = GENERATE(1, 2, 4);
  const bool again = GENERATE(false, true);
  const Saved saved(ranks, again);
  CHECK(saved.faults() == std::vector<std::string>{});
  CHECK(reads_as(saved.committed, {}, ranks, 2));
}

TEST_CASE("checkpoint: every sync of a commit is needed", "[checkpoint_order]") {
  Saved saved(2, false);
  const std::vector<LoggedCall> calls = saved.calls;
  const int64_t named = naming_call(calls, saved.committed);
  int64_t synced = 0;
  // The folder is synced with every record; only the last of these syncs matters for the name.
  int64_t last_of_folder = -1;
  for (int64_t i = 0; i < named; ++i) {
    if (calls[static_cast<size_t>(i)].call != FileCall::sync) continue;
    if (calls[static_cast<size_t>(i)].path == saved.partial) last_of_folder = i;
  }
  for (int64_t i = 0; i < static_cast<int64_t>(calls.size()); ++i) {
    const LoggedCall& call = calls[static_cast<size_t>(i)];
    if (call.call != FileCall::sync) continue;
    if (call.path == saved.partial && i != last_of_folder) continue;
    saved.calls = calls;
    saved.calls.erase(saved.calls.begin() + i);
    INFO("without the sync of " << call.path);
    CHECK(saved.faults().size() >= 1);
    ++synced;
  }
  // Two shards with their records, tokenizer, index, manifest, the folder and the one above it.
  CHECK(synced == 2 * 2 + 3 + 2);
}

TEST_CASE("checkpoint: nothing is committed while a shard is not done", "[checkpoint_order]") {
  const std::string folder = temporary_folder(), partial = folder + "/" + partial_name(1),
                    committed = folder + "/" + committed_name(1);
  const CheckpointMeta meta = RankModel({}, 0, 2, 1).meta(1);
  const auto write = [&](int rank) {
    const RankModel model({}, rank, 2, 1);
    return write_shard_file(partial, {rank, 2}, model.tensors(), model.meta(1));
  };
  const auto commit = [&] { commit_checkpoint({partial, committed}, 2, meta); };
  write_shard_record(partial, write(0));
  const ShardRecord other = write(1);
  {
    const FileLog log;
    CHECK_THROWS_WITH(commit(), Catch::Contains("shard-00001.json is missing"));
    CHECK(log.calls().empty());  // it has not touched a file
  }
  write_shard_record(partial, other);
  std::filesystem::remove(partial + "/tokenizer.model");
  CHECK_THROWS_WITH(commit(), Catch::Contains("tokenizer.model does not have its"));
  write_shard_record(partial, write(0));
  commit();
  CHECK(reads_as(committed, {}, 2, 1));
}

TEST_CASE("checkpoint: a folder in the way is refused where nothing may be replaced",
          "[checkpoint_order]") {
  const std::string folder = temporary_folder(), partial = folder + "/new.partial",
                    committed = folder + "/new";
  const RankModel model({}, 0, 1, 1);
  write_shard_record(partial, write_shard_file(partial, {0, 1}, model.tensors(), model.meta(1)));
  make_folder(committed);
  write_synced(committed + "/file", "mine");
  const CommitPlace place{partial, committed, Existing::refuse};
  CHECK_THROWS_WITH(commit_checkpoint(place, 1, model.meta(1)), Catch::Contains("cannot rename"));
  CHECK(read_text(committed + "/file", 10) == "mine");
}

TEST_CASE("checkpoint: what was set aside is durable there, and gone from its place",
          "[checkpoint_order]") {
  const std::string folder = temporary_folder();
  for (const int64_t step : {1, 2, 3}) {
    const RankModel model({}, 0, 1, step);
    const std::string partial = folder + "/" + partial_name(step);
    write_shard_record(partial,
                       write_shard_file(partial, {0, 1}, model.tensors(), model.meta(step)));
    commit_checkpoint({partial, folder + "/" + committed_name(step)}, 1, model.meta(step));
  }
  const FileLog log;
  const std::string aside = set_aside_later(folder, 1);
  std::vector<std::string> seen;
  for (const LoggedCall& call : log.calls()) {
    seen.push_back((call.call == FileCall::rename ? "rename to " + call.to : "sync " + call.path));
  }
  CHECK(seen == std::vector<std::string>{"rename to " + aside + "/" + committed_name(2),
                                         "rename to " + aside + "/" + committed_name(3),
                                         "sync " + aside, "sync " + folder});
}

}  // namespace
}  // namespace sy
