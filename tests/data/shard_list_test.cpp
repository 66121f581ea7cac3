// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/shard_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("shard_list: patterns give each file once, in byte order", "[shard_list]") {
  const std::string folder = temporary_folder();
  for (const char* name : {"b.json", "a.json.gz", "B.jsonl", "c.zst", "d.jsonl.gz"}) {
    write_file(folder + "/" + name, "x");
  }
  const std::vector<std::string> expected = {folder + "/B.jsonl", folder + "/a.json.gz",
                                             folder + "/b.json", folder + "/c.zst",
                                             folder + "/d.jsonl.gz"};
  CHECK(expand_globs({folder + "/*"}) == expected);
  CHECK(expand_globs({folder + "/{d,a}*", folder + "/[bB]*", folder + "/*"}) == expected);
}

TEST_CASE("shard_list: what matches nothing is named", "[shard_list]") {
  const std::string folder = temporary_folder();
  const std::string message =
      message_of<DataError>([&] { expand_globs({folder + "/none-*.json.gz"}); });
  CHECK(message.find("none-*.json.gz") != std::string::npos);
  CHECK(message.find(std::filesystem::current_path().string()) != std::string::npos);
  CHECK(message.find("data.train") != std::string::npos);
  CHECK_THROWS_AS(expand_globs({}), DataError);
}

TEST_CASE("shard_list: names that no checkpoint can record are refused", "[shard_list]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/caf\xC3\xA9.json", "x");
  CHECK(expand_globs({folder + "/*"}).size() == 1);
  write_file(folder + "/caf\xE9.json", "x");  // Latin-1
  CHECK(message_of<DataError>([&] { expand_globs({folder + "/*"}); }).find("/caf\\xe9.json") !=
        std::string::npos);
}

TEST_CASE("shard_list: a pipe is refused, not waited for", "[shard_list]") {
  const std::string pipe = temporary_folder() + "/pipe.jsonl";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(message_of<DataError>([&] { expand_globs({pipe}); }).find(pipe + " is a pipe") !=
        std::string::npos);
}

TEST_CASE("shard_list: a unit for every stream", "[shard_list]") {
  const std::vector<std::string> three = {"a", "b", "c"};
  CHECK(ShardList(three, 1, 1).units() == 3);
  CHECK(ShardList(three, 3, 1).units() == 3);
  const ShardList cut(three, 8, 1);
  CHECK(cut.units() == 9);
  const ShardUnit unit = cut.unit(7);
  CHECK(unit.shard == 2);
  CHECK(unit.part == 1);
  CHECK(unit.parts == 3);
}

TEST_CASE("shard_list: streams share out each epoch's units", "[shard_list]") {
  const int64_t streams = GENERATE(1, 2, 3, 8);
  const ShardList list({"a", "b", "c", "d", "e"}, streams, 3);
  const int64_t units = list.units(), epochs = streams;  // a whole number of turns
  std::vector<UnitSequence> sequences;
  for (int64_t v = 0; v < streams; ++v) sequences.emplace_back(list, v);
  std::vector<int64_t> seen;
  for (int64_t turn = 0; turn < units * epochs / streams; ++turn) {
    for (auto& sequence : sequences) seen.push_back(sequence.unit_number(turn));
  }
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    const auto begin = seen.begin() + epoch * units;
    CHECK(std::vector<int64_t>(begin, begin + units) == list.epoch_order(epoch));
    CHECK(std::set<int64_t>(begin, begin + units).size() == static_cast<size_t>(units));
  }
}

TEST_CASE("shard_list: the order is drawn from seed and epoch", "[shard_list]") {
  const std::vector<std::string> shards(50, "a");
  const ShardList list(shards, 1, 3);
  CHECK(list.epoch_order(0) == ShardList(shards, 1, 3).epoch_order(0));
  CHECK(list.epoch_order(0) != list.epoch_order(1));
  CHECK(list.epoch_order(0) != ShardList(shards, 1, 4).epoch_order(0));
}

}  // namespace
}  // namespace sy
