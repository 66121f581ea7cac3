// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

std::unique_ptr<Loader> open_loader(const DataSection& data) {
  LoaderPlace place;
  place.total_streams = place.num_streams = data.streams;
  return std::make_unique<Loader>(data, data.train, place, 5, small_tokenizer());
}

// The message of the DataError that the loader ends with within 200 batches.
std::string end_of(Loader& loader) {
  return message_of<DataError>([&] {
    for (int i = 0; i < 200; ++i) loader.next();
  });
}

DataSection section_of(const std::string& folder) {
  DataSection data = small_section(folder + "/*");
  data.loader_threads = 2;
  return data;
}

TEST_CASE("loader: every kind of bad record is counted and skipped", "[loader_faults]") {
  const std::string folder = temporary_folder(), good = records(30, 1);
  DataSection data = section_of(folder);
  data.max_document_bytes = 5000;
  data.max_bad_shards = 1;
  data.streams = 1;
  write_file(folder + "/a.json", good + "{\"text\":\"\xFF\"}\n" + "nonsense\n" +
                                     "{\"url\":\"x\"}\n" + record("") + record("\u3000 ") +
                                     record(std::string(6000, 'x')) + good);
  write_file(folder + "/b.json.gz", gzip(good).substr(0, 300));
  write_file(folder + "/c.json.zst", zstd(good) + "garbage");
  write_file(folder + "/d.json.gz", gzip(good) + gzip(good));
  const auto loader = open_loader(data);
  while (loader->counters().documents < 3000) loader->next();
  const DataCounters counters = loader->counters();
  const int64_t epochs = counters.malformed;
  CHECK(epochs > 5);
  for (const int64_t count : {counters.invalid_utf8, counters.missing_text, counters.too_long}) {
    CHECK(std::abs(count - epochs) <= 1);
  }
  CHECK(std::abs(counters.empty_text - 2 * epochs) <= 2);  // "" and a text that has no tokens
  CHECK(counters.corrupt_shards == 2);
  CHECK(counters.shards == 4);
  CHECK(counters.lost_shards == 2);
}

TEST_CASE("loader: under `fail` a bad record ends the run with its place", "[loader_faults]") {
  const std::string folder = temporary_folder();
  DataSection data = section_of(folder);
  data.on_bad_record = BadRecordPolicy::fail;
  write_file(folder + "/a.json", records(30, 1) + "nonsense\n" + records(30, 2));
  const auto loader = open_loader(data);
  const std::string message = end_of(*loader);
  CHECK(message.find(folder + "/a.json:31: ") != std::string::npos);
  CHECK(end_of(*loader) == message);  // and stays ended
}

TEST_CASE("loader: shards without a document end the run instead of being read forever",
          "[loader_faults]") {
  const std::string folder = temporary_folder();
  const int64_t streams = GENERATE(1, 4, 9);
  DataSection data = section_of(folder);
  data.max_bad_shards = 1;
  data.streams = streams;
  for (const char* name : {"a", "b", "c"}) {
    write_file(folder + "/" + name + ".json", record("") + "nonsense\n\n{}\n");
  }
  write_file(folder + "/empty.json", "");
  CHECK(end_of(*open_loader(data)).find("none of the shards") != std::string::npos);
  // A single document anywhere is enough to continue. A long one saves passes over the shards.
  std::string document;
  for (int i = 0; i < 200; ++i) document += "kalo mites ";
  write_file(folder + "/c.json", "nonsense\n" + record(document));
  CHECK(end_of(*open_loader(data)).empty());
}

TEST_CASE("loader: a run that has lost more shards than allowed ends, and says how many",
          "[loader_faults]") {
  const std::string folder = make_shards(10, 30);
  DataSection data = section_of(folder);
  data.streams = GENERATE(1, 4, 16);
  write_file(folder + "/part-03.json.gz", "version https://git-lfs.github.com/spec/v1\n");
  CHECK(end_of(*open_loader(data)).empty());  // one may always be lost
  data.max_bad_shards = 0;
  CHECK(message_of<DataError>([&] { open_loader(data); }).find("1 of 10 shards") == 0);
  data.max_bad_shards = 0.25;
  write_file(folder + "/part-05.json.gz", gzip(records(400, 1)).substr(0, 5000));
  CHECK(end_of(*open_loader(data)).empty());
  // Noticed only when it is read: the file is valid, but no line is a record with a text.
  write_file(folder + "/part-07.json.gz", gzip("{}\n{}\n{}\n"));
  const std::string message = end_of(*open_loader(data));
  CHECK(message.find("3 of 10 shards") == 0);
  CHECK(message.find("data.max_bad_shards (0.25) allows 2") != std::string::npos);
  CHECK(message.find("part-03.json.gz is a Git LFS pointer") != std::string::npos);
  data.max_bad_shards = 0.3;
  CHECK(end_of(*open_loader(data)).empty());
}

TEST_CASE("loader: shards lost from the start end the run before its first batch",
          "[loader_faults]") {
  const std::string folder = make_shards(20, 10);
  for (int i = 0; i < 18; ++i) {
    write_file(fmt::format("{}/part-{:02}.json.gz", folder, i), i % 2 == 0 ? "" : "PAR1");
  }
  const std::string message = message_of<DataError>([&] { open_loader(section_of(folder)); });
  CHECK(message.find("18 of 20 shards") == 0);
  CHECK(message.find("part-00.json.gz is empty") != std::string::npos);
  CHECK(message.find("part-01.json.gz is a Parquet file") != std::string::npos);
  CHECK(message.find("and 15 more") != std::string::npos);
}

TEST_CASE("loader: shards that vanish are counted, until none is left", "[loader_faults]") {
  const std::string folder = make_shards(3, 30);
  DataSection data = section_of(folder);
  const auto loader = open_loader(data);
  loader->next();
  std::filesystem::remove(folder + "/part-01.json.gz");
  for (int i = 0; i < 200; ++i) loader->next();
  CHECK(loader->counters().corrupt_shards == 1);
  CHECK(loader->counters().lost_shards == 1);
  std::filesystem::remove(folder + "/part-00.json.gz");
  std::filesystem::remove(folder + "/part-02.json.gz");
  CHECK(end_of(*loader).find("none of the shards") != std::string::npos);
}

TEST_CASE("loader: what is wrong from the start is told at once", "[loader_faults]") {
  const std::string folder = temporary_folder();
  DataSection data = section_of(folder);
  CHECK(message_of<DataError>([&] { open_loader(data); }).find(folder) != std::string::npos);
  std::filesystem::create_symlink("nowhere", folder + "/a.json");
  CHECK(message_of<DataError>([&] { open_loader(data); }).find("cannot be opened") !=
        std::string::npos);
  write_file(folder + "/b.json", records(30, 1));
  CHECK(end_of(*open_loader(data)).empty());
  data.on_bad_record = BadRecordPolicy::fail;
  CHECK_THROWS_AS(open_loader(data), DataError);
}

TEST_CASE("loader: lengths and sentinels that do not fit are the configuration's fault",
          "[loader_faults]") {
  DataSection data = section_of(make_shards(1, 10));
  data.encoder_length = 512;  // 28 spans, 20 sentinels
  CHECK(message_of<ConfigError>([&] { open_loader(data); }).find("20 sentinels") !=
        std::string::npos);
  data.encoder_length = 64;
  data.window_tokens = {false, 100};
  CHECK(message_of<ConfigError>([&] { open_loader(data); }).find("data.encoder_length") !=
        std::string::npos);
  data.window_tokens = {};
  data.decoder_length = {false, 5};
  CHECK_THROWS_AS(open_loader(data), ConfigError);
  data.decoder_length = {};
  data.noise_density = 0.9;
  data.mean_noise_span = 1;
  CHECK_THROWS_AS(open_loader(data), ConfigError);
}

TEST_CASE("loader: a state of another configuration is refused", "[loader_faults]") {
  DataSection data = section_of(make_shards(2, 100));
  const auto loader = open_loader(data);
  for (int i = 0; i < 3; ++i) loader->next();
  const std::vector<StreamState> states = loader->state();
  data.shuffle_buffer = 8;
  CHECK(message_of<DataError>([&] {
          open_loader(data)->restore(states);
        }).find("data.shuffle_buffer") != std::string::npos);
  data.shuffle_buffer = 16;
  data.example_buffer = 1;
  CHECK(message_of<DataError>([&] {
          open_loader(data)->restore(states);
        }).find("data.example_buffer") != std::string::npos);
  CHECK_THROWS_AS(loader->restore(states), InternalError);
}

// A long shard without a single good line keeps a thread busy; it must still stop.
TEST_CASE("loader: ends while its threads look for a document", "[loader_faults]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.json", records(2, 1) + std::string(200'000'000, 'x'));
  DataSection data = section_of(folder);
  data.streams = 1;
  for (int i = 0; i < 3; ++i) {
    const auto loader = open_loader(data);
    loader->next();
  }
  SUCCEED("ended");
}

}  // namespace
}  // namespace sy
