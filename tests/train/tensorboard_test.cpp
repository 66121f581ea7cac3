// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/tensorboard.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>

#include "lib/base/error.h"
#include "tests/support/shared_files.h"
#include "tests/train/events.pb.h"

namespace sy {
namespace {

uint64_t little_endian(const std::string& bytes, size_t at, int width) {
  uint64_t value = 0;
  for (int i = width - 1; i >= 0; --i) {
    value = value << 8 | static_cast<uint8_t>(bytes[at + static_cast<size_t>(i)]);
  }
  return value;
}

// Reads an event file as TensorBoard does, checking both checksums of each record.
std::vector<switchyard::Event> read_events(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string bytes = text.str();
  std::vector<switchyard::Event> events;
  size_t at = 0;
  while (at < bytes.size()) {
    REQUIRE(bytes.size() - at >= 12);
    const size_t length = little_endian(bytes, at, 8);
    CHECK(little_endian(bytes, at + 8, 4) == masked_crc32c(bytes.substr(at, 8)));
    REQUIRE(bytes.size() - at >= 16 + length);
    const std::string payload = bytes.substr(at + 12, length);
    CHECK(little_endian(bytes, at + 12 + length, 4) == masked_crc32c(payload));
    REQUIRE(events.emplace_back().ParseFromString(payload));
    at += 16 + length;
  }
  return events;
}

TEST_CASE("tensorboard: crc32c of known strings", "[tensorboard]") {
  CHECK(crc32c("") == 0u);
  CHECK(crc32c("123456789") == 0xE3069283u);
  // RFC 3720, B.4.
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43u);
  std::string rising;
  for (char byte = 0; byte < 32; ++byte) rising += byte;
  CHECK(crc32c(rising) == 0x46DD794Eu);
}

TEST_CASE("tensorboard: the bytes of a record", "[tensorboard]") {
  const std::string record = tfrecord("123456789");
  REQUIRE(record.size() == 8 + 4 + 9 + 4);
  CHECK(little_endian(record, 0, 8) == 9);
  CHECK(record.substr(12, 9) == "123456789");
  // The mask: rotate right by 15 and add the constant.
  const uint32_t crc = 0xE3069283u;
  CHECK(little_endian(record, 21, 4) ==
        static_cast<uint32_t>((crc >> 15 | crc << 17) + 0xA282EAD8u));
}

TEST_CASE("tensorboard: a file reads back", "[tensorboard]") {
  TrainMetrics train;
  train.step = 110;
  train.loss = 5.25;
  train.tokens = 4096;
  EvaluationMetrics evaluation;
  evaluation.step = 110;
  evaluation.neg_log_perplexity = -5.5;
  evaluation.corpora = {{"en", 2.5}, {"sw", 3.25}};
  evaluation.tasks = {{"rte", {{"accuracy", 61.25}}}};
  TensorBoardWriter writer(test::temporary_folder(), 100);
  writer.write(train);
  writer.write(evaluation);

  const std::string name = std::filesystem::path(writer.path()).filename();
  CHECK(name.rfind("events.out.tfevents.", 0) == 0);
  const std::vector<switchyard::Event> events = read_events(writer.path());
  REQUIRE(events.size() == 4);
  CHECK(events[0].file_version() == "brain.Event:2");
  CHECK(events[1].session_log().status() == switchyard::SessionLog::START);
  CHECK(events[1].step() == 101);
  std::map<std::string, float> scalars;
  for (const auto& event : {events[2], events[3]}) {
    CHECK(event.step() == 110);
    CHECK(event.wall_time() > 1.7e9);
    for (const auto& scalar : event.summary().value())
      scalars[scalar.tag()] = scalar.simple_value();
  }
  CHECK(scalars.at("train/loss") == 5.25f);
  CHECK(scalars.at("train/tokens") == 4096.0f);
  CHECK(scalars.at("train/z_loss") == 0.0f);
  CHECK(scalars.at("evaluation/neg_log_perplexity") == -5.5f);
  CHECK(scalars.at("evaluation/corpora/en") == 2.5f);
  CHECK(scalars.at("evaluation/corpora/sw") == 3.25f);
  CHECK(scalars.at("evaluation/tasks/rte/accuracy") == 61.25f);
  CHECK(scalars.count("train/step") == 0);
}

TEST_CASE("tensorboard: two starts within a second get two files", "[tensorboard]") {
  const std::string folder = test::temporary_folder();
  const TensorBoardWriter first(folder, 0), second(folder, 0);
  CHECK(first.path() != second.path());
}

TEST_CASE("tensorboard: a folder that is absent is named", "[tensorboard]") {
  CHECK_THROWS_AS(TensorBoardWriter("/nonexistent/folder", 0), RuntimeFailure);
}

}  // namespace
}  // namespace sy
