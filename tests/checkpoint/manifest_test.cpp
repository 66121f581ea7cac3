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
  manifest.tensors = {{"parameters/a", DType::f32, {4, 3}, {{0, 5}, {1, 6}}},
                      {"optimizer/b", DType::i32, {int64_t{1} << 40}, {{1, 7}}},
                      {"c", DType::f64, {0, 2}, {{0, 8}, {1, 9}}}};
  manifest.streams = {{"0000", 0, {0, 1}}, {"0001", 77, {1, 2}}};
  return manifest;
}

// The manifest with one piece of its text replaced, sealed anew.
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
  CHECK(parse_manifest(to_json(Manifest{0, "", "", "", {"index.h5", {}}, {}, {}, {}}), "m").step ==
        0);
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
      {"\"format\": 1", "\"format\": 2", "\"format\" must be 1"},
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
      {"[4, 3]", "[]", "\"shape\" must have 1 to 5 axes"},
      {"[4, 3]", "[2,1,1,1,1,1]", "\"shape\" must have 1 to 5 axes"},
      {"[4, 3]", "[4611686018427387904, 4611686018427387904]",
       "\"shape\" is larger than any memory"},
      {"[4, 3]", "[5, 3]", "\"parts\" must be pieces of equal size of [5, 3]"},
      {"\"parts\": [{\"shard\": 1, \"xxh3\": \"0000000000000007\"}]", "\"parts\": []",
       "\"parts\" must be pieces"},
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
  CHECK(parse_manifest(sealed("manifest"), "m").tensors.size() == 2);
  CHECK(parse_shard_record(sealed("record"), "r").pieces.size() == 1);
}

TEST_CASE("checkpoint manifest: a shard's record comes back as it was", "[checkpoint_manifest]") {
  ShardRecord record;
  record.step = 7;
  record.rank = 3;
  record.ranks = 4;
  record.attempt = "a\nb";
  record.file = {"shard-00003.h5", {10, 11}};
  record.streams = {{"0001", 2, 3}};
  record.pieces = {{"parameters/a", DType::f64, {8, 2}, 4, 3, 99},
                   {"parameters/a", DType::f64, {8, 2}, 4, 2, 98}};
  const ShardRecord read = parse_shard_record(to_json(record), "r");
  CHECK(to_json(read) == to_json(record));
  CHECK(read.attempt == "a\nb");
  CHECK(read.pieces[0].checksum == 99);
  const auto complaint = [](ShardRecord wrong) { return parse_shard_record(to_json(wrong), "r"); };
  ShardRecord wrong = record;
  wrong.rank = 4;
  CHECK_THROWS_WITH(complaint(wrong), Catch::Contains("\"rank\" must be an integer from 0 to 3"));
  wrong = record;
  wrong.pieces[0].piece = 4;
  CHECK_THROWS_WITH(complaint(wrong), Catch::Contains("pieces[0]: \"piece\""));
  wrong = record;
  wrong.pieces[0].pieces = 5;
  CHECK_THROWS_WITH(complaint(wrong), Catch::Contains("\"pieces\" must divide axis 0"));
}

}  // namespace
}  // namespace sy::checkpoint
