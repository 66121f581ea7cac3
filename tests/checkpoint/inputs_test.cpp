// SPDX-License-Identifier: Apache-2.0
// What a checkpoint holds of the files that a run reads: the tokenizer, and the names of its text.
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/checkpoint/checksum.h"
#include "lib/checkpoint/durable.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using namespace checkpoint;
using Catch::Contains;

TEST_CASE("checkpoint inputs: the tokenizer and the data shards come back", "[checkpoint_inputs]") {
  const std::string folder = temporary_folder();
  save(folder, {}, 2, 7, 5);
  const CheckpointMeta meta = RankModel({}, 0, 2, 5).meta(7);
  const std::string path = folder + "/step-00000007", model = path + "/tokenizer.model";
  const CheckpointReader reader(path);
  CHECK(reader.tokenizer() == model);
  CHECK(read_text(model, 1 << 20) == meta.tokenizer);
  REQUIRE(reader.files().size() == 1);
  CHECK(reader.files()[0].name == "tokenizer.model");
  CHECK(reader.files()[0].bytes == static_cast<int64_t>(meta.tokenizer.size()));
  CHECK(reader.data_shards() == meta.data_shards);
}

TEST_CASE("checkpoint inputs: a damaged tokenizer is not used", "[checkpoint_inputs]") {
  const std::string folder = temporary_folder();
  save(folder, {}, 1, 1, 1);
  save(folder, {}, 1, 2, 2);
  const std::string path = folder + "/step-00000002", model = path + "/tokenizer.model";
  std::string bytes = read_text(model, 1 << 20);
  bytes[3] ^= 1;
  write_synced(model, bytes);
  const CheckpointReader reader(path);
  CHECK_THROWS_WITH(reader.tokenizer(), Contains(model + " does not match the checksum") &&
                                            Contains(folder + "/step-00000001"));
  CHECK(reader.verify().size() == 1);
  write_synced(model, bytes + "x");
  CHECK_THROWS_WITH(CheckpointReader(path), Contains("tokenizer.model has"));
  std::filesystem::remove(model);
  CHECK_THROWS_WITH(CheckpointReader(path), Contains("tokenizer.model is missing"));
}

TEST_CASE("checkpoint inputs: none where there was none", "[checkpoint_inputs]") {
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 0);
  writer.start({}, {1, "", "{}", {}, ""});
  writer.commit();
  const CheckpointReader reader(newest_checkpoint(folder));
  CHECK(reader.tokenizer().empty());
  CHECK(reader.files().empty());
  CHECK(reader.data_shards().empty());
}

// The definition, of a file in memory.
uint64_t sum_of_ends(const std::string& contents) {
  const size_t end = std::min<size_t>(contents.size(), 65536);
  std::string summed = contents.substr(0, end) + contents.substr(contents.size() - end);
  for (size_t i = 0; i < 8; ++i) summed += static_cast<char>(contents.size() >> (8 * i));
  return checksum(summed.data(), static_cast<int64_t>(summed.size()));
}

TEST_CASE("checkpoint inputs: a text is known by its ends and its size", "[checkpoint_inputs]") {
  const std::string path = temporary_folder() + "/text";
  for (const size_t size : {0, 1, 65535, 65536, 65537, 131072, 400000}) {
    std::string contents(size, 'a');
    for (size_t i = 0; i < size; ++i) contents[i] = static_cast<char>('a' + i * i % 23);
    write_synced(path, contents);
    INFO(size);
    CHECK(digest_ends(path) == FileDigest{static_cast<int64_t>(size), sum_of_ends(contents)});
  }
  const std::string contents(400000, 'b');
  const auto digest_of = [&](const std::string& text) {
    write_synced(path, text);
    return digest_ends(path);
  };
  const FileDigest whole = digest_of(contents);
  CHECK_FALSE(digest_of(contents + "b") == whole);
  for (const size_t changed :
       {size_t{0}, size_t{65535}, contents.size() - 65536, contents.size() - 1}) {
    std::string other = contents;
    other[changed] = 'c';
    CHECK_FALSE(digest_of(other) == whole);
  }
  CHECK_THROWS_WITH(digest_ends(path + "-absent"), Contains("cannot read " + path + "-absent"));
}

}  // namespace
}  // namespace sy
