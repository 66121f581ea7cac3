// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/manifest.h"

#include <catch2/catch.hpp>

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/json_text.h"

namespace sy::checkpoint {
namespace {

Manifest example() {
  Manifest manifest;
  manifest.step = 100;
  manifest.attempt = "host \"a\" 12:30";
  manifest.config_yaml = "run: {name: x}\n# caf\u00e9 \\ \t \x01\n";
  manifest.state_json = R"({"tokens": 12345678901234})";
  manifest.index = {"index.h5", {4096, 1}};
  manifest.shards = {{"shard-00000.h5", {1, ~uint64_t{0}}},
                     {"shard-00001.h5", {int64_t{1} << 60, 0}}};
  manifest.files = {{"tokenizer.model", {12, 3}}, {"notes.txt", {0, 4}}};
  manifest.data_shards = {
      {"data/caf\u00e9 \"1\".gz", int64_t{1} << 50, 5}, {"b", 0, 6}, {"b", 0, 6, "sw"}};
  const Shape long_one{int64_t{1} << 40};
  manifest.tensors = {
      {"parameters/a", DType::f32, {4, 3}, {{0, {{0, 0}, {4, 2}}, 5}, {1, {{0, 2}, {4, 1}}, 6}}},
      {"optimizer/b", DType::i32, long_one, {{1, Slab::whole(long_one), 7}}},
      {"c", DType::f64, {3, 2}, {{0, {{0, 0}, {1, 2}}, 8}, {1, {{1, 0}, {2, 2}}, 9}}}};
  manifest.streams = {{"0000", 0, 0, 1}, {"0001", 77, 1, 2}};
  return manifest;
}

// The manifest with a part of its text replaced and a new seal.
std::string altered(const std::string& from, const std::string& to) {
  std::string text = to_json(example());
  const size_t place = text.find(from);
  REQUIRE(place != std::string::npos);
  text.replace(place, from.size(), to);
  text.erase(text.rfind("\n\"xxh3\""));
  return seal_json(text);
}

TEST_CASE("checkpoint manifest: comes back as it was", "[checkpoint_manifest]") {
  CHECK(parse_manifest(to_json(example()), "m") == example());
  Manifest empty;
  empty.index.name = "index.h5";
  CHECK(parse_manifest(to_json(empty), "m") == empty);
}

TEST_CASE("checkpoint manifest: any change of any byte is noticed", "[checkpoint_manifest]") {
  const std::string text = to_json(example());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string broken = text;
    broken[i] = static_cast<char>(broken[i] ^ (1 << (i % 8)));
    CHECK_THROWS_AS(parse_manifest(broken, "m"), DataError);
    CHECK_THROWS_AS(parse_manifest(text.substr(0, i), "m"), DataError);
  }
  CHECK_THROWS_WITH(parse_manifest(text + " ", "path/m"), Catch::StartsWith("path/m "));
}

TEST_CASE("checkpoint manifest: what a sealed one may not say", "[checkpoint_manifest]") {
  struct Case {
    const char *from, *to, *complaint;
  };
  const Case cases[] = {
      {"\"format\": 2", "\"format\": 3", "\"format\" must be 2"},
      {"\"format\": 2", "\"format\": 1", "m: this checkpoint was made by an earlier version"},
      {"\"step\": 100", "\"step\": -1", "\"step\" must be an integer"},
      {"\"step\": 100", "\"step\": 1e2", "\"step\" must be an integer"},
      {"\"step\": 100", "\"stop\": 100", "\"step\" is missing"},
      {"\"config\": \"run", "\"config\": \"\xff", "is not JSON"},
      {"\"name\": \"index.h5\"", "\"name\": \"../x.h5\"", "m: index: \"name\" must be index.h5"},
      {"\"name\": \"shard-00001.h5\"", "\"name\": \"/etc/x\"",
       "m: shards[1]: \"name\" must be shard-00001.h5"},
      {"\"bytes\": 4096", "\"bytes\": \"4096\"", "\"bytes\" must be an integer"},
      {"0000000000000001", "000000000000001", "must be 16 hexadecimal digits"},
      {"0000000000000001", "000000000000000g", "must be 16 hexadecimal digits"},
      {"parameters/a", "parameters//a", "tensors[0]: \"name\" must be a path"},
      {"optimizer/b", "parameters/a", "tensors[1]: \"name\" repeats parameters/a"},
      {"float32", "float16", "\"dtype\" must be float32, float64 or int32"},
      {"[4, 3]", "[4, -3]", "\"shape\" must hold integers"},
      {"[4, 3]", "[0, 3]", "\"shape\" must hold integers"},
      {"[4, 3]", "[]", "\"shape\" must have 1 to 5 axes"},
      {"[4, 3]", "[2,1,1,1,1,1]", "\"shape\" must have 1 to 5 axes"},
      {"[4, 3]", "[4611686018427387904, 4611686018427387904]",
       "\"shape\" is larger than any memory"},
      {"[4, 3]", "[5, 3]",
       "tensors[0]: \"slabs\" must make up parameters/a once: no slab holds [4, 0]"},
      {"[4, 3]", "[3, 3]",
       "tensors[0]: slabs[0]: \"extent\" [4, 2] at [0, 0] extends beyond [3, 3]"},
      {"\"extent\": [4, 2]", "\"extent\": [4, 3]", "parameters/a once: 2 slabs hold [0, 2]"},
      {"\"extent\": [4, 2]", "\"extent\": [4, 1]", "parameters/a once: no slab holds [0, 1]"},
      {"\"extent\": [4, 2]", "\"extent\": [4, 0]", "\"extent\" must hold integers from 1"},
      {"\"extent\": [4, 2]", "\"extent\": [4]", "\"extent\" must have 2 axes"},
      {"\"offset\": [0, 2]", "\"offset\": [0, 3]", "slabs[1]: \"extent\" [4, 1] at [0, 3] extends"},
      {"\"offset\": [0, 2]", "\"offset\": [0, -2]", "\"offset\" must hold integers from 0"},
      {"\"offset\": [0, 2]", "\"offset\": [0, 9223372036854775807]", "extends beyond [4, 3]"},
      {"\"offset\": [0, 2]", "\"offset\": [0, 2, 0]", "\"offset\" must have 2 axes"},
      {"\"slabs\": [{\"shard\": 1, \"offset\": [0], \"extent\": [1099511627776], \"xxh3\": "
       "\"0000000000000007\"}]",
       "\"slabs\": []", "optimizer/b once: no slab holds [0]"},
      {"tokenizer.model", "shard-00001.h5", "files[0]: \"name\" repeats shard-00001.h5"},
      {"tokenizer.model", "manifest.json", "files[0]: \"name\" repeats manifest.json"},
      {"tokenizer.model", "../x", "files[0]: \"name\" must be a path"},
      {"tokenizer.model", "a/x", "files[0]: \"name\" must be a file's"},
      {"\"files\": [", "\"x\": [[[[[[[[0]]]]]]]],\n\"files\": [", "m is nested more than 8 levels"},
      {"\"files\": [", "\"files\": ,[", "m is not JSON: syntax error at line 9, column 10"},
      {"\"step\": 100", "\"step\": 1e999", "a number is out of range"},
      {"\"step\": 100", "\"step\": 18446744073709551615", "\"step\" must be an integer"},
      {"\"step\": 100", "\"step\": 1.0", "\"step\" must be an integer"},
      {"\"shard\": 1", "\"shard\": 2", "\"shard\" must be an integer from 0 to 1"},
      {"\"length\": 77", "\"length\": 9223372036854775807", "\"length\" must be an integer"},
      {"\"name\": \"0001\"", "\"name\": \"0000\"", "streams[1]: \"name\" repeats 0000"},
      {"{\"name\": \"0001\"", "7, {\"name\": \"0001\"", "streams[1]: an object is expected"},
  };
  for (const Case& item : cases) {
    INFO(item.from << " -> " << item.to);
    CHECK_THROWS_WITH(parse_manifest(altered(item.from, item.to), "m"),
                      Catch::Contains(item.complaint));
  }
}

TEST_CASE("checkpoint manifest: the fuzzer starts from records that pass",
          "[checkpoint_manifest]") {
  const std::string corpus = SY_SOURCE_DIR "/tests/fuzz/corpus/checkpoint/";
  const auto sealed = [&](const char* name) { return seal_json(read_text(corpus + name, 4096)); };
  CHECK(parse_manifest(sealed("manifest"), "m").tensors.size() == 3);
  CHECK(parse_shard_record(sealed("record"), "r").slabs.size() == 2);
  CHECK_THROWS_AS(parse_manifest(sealed("format1"), "m"), EarlierFormat);
}

TEST_CASE("checkpoint manifest: a shard's record comes back as it was", "[checkpoint_manifest]") {
  ShardRecord record;
  record.step = 7;
  record.rank = 3;
  record.ranks = 4;
  record.attempt = "a\nb";
  record.file = {"shard-00003.h5", {10, 11}};
  record.streams = {{"0001", 2, 3}};
  record.files = {{"tokenizer.model", {5, 6}}};
  record.slabs = {{"parameters/a", DType::f64, {8, 2}, {{6, 0}, {2, 2}}, 99},
                  {"parameters/a", DType::f64, {8, 2}, {{4, 1}, {2, 1}}, 98}};
  const ShardRecord read = parse_shard_record(to_json(record), "r");
  CHECK(to_json(read) == to_json(record));
  CHECK(read.attempt == "a\nb");
  CHECK(read.slabs[0].checksum == 99);
  CHECK(read.slabs[1].slab == record.slabs[1].slab);
  const auto complaint = [](ShardRecord wrong) { return parse_shard_record(to_json(wrong), "r"); };
  ShardRecord wrong = record;
  wrong.rank = 4;
  CHECK_THROWS_WITH(complaint(wrong), Catch::Contains("\"rank\" must be an integer from 0 to 3"));
  wrong = record;
  wrong.slabs[0].slab.offset[0] = 7;
  CHECK_THROWS_WITH(complaint(wrong), Catch::Contains("slabs[0]: \"extent\" [2, 2] at [7, 0]"));
  wrong = record;
  wrong.files[0].name = wrong.file.name;
  CHECK_THROWS_WITH(complaint(wrong), Catch::Contains("\"name\" repeats shard-00003.h5"));
}

}  // namespace
}  // namespace sy::checkpoint
