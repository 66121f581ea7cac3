// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("checkpoint: what any mesh wrote, any mesh reads", "[checkpoint_save]") {
  const int writers = GENERATE(1, 2, 4, 8), readers = GENERATE(1, 2, 4, 8);
  const std::string folder = temporary_folder() + "/run/checkpoints";
  save(folder, {}, writers, 100, 3);
  const std::string path = newest_checkpoint(folder);
  CHECK(path == folder + "/step-00000100");
  CHECK(reads_as(path, {}, readers, 3));
  CHECK(CheckpointReader(path).verify().empty());
}

TEST_CASE("checkpoint: step, configuration, state and tensors come back", "[checkpoint_save]") {
  const std::string folder = temporary_folder();
  save(folder, {}, 2, 7, 5);
  const CheckpointReader reader(folder + "/step-00000007");
  const CheckpointMeta meta = RankModel({}, 0, 2, 5).meta(7);
  CHECK(reader.step() == 7);
  CHECK(reader.config_yaml() == meta.config_yaml);
  CHECK(reader.state_json() == meta.state_json);
  REQUIRE(reader.tensors().size() == 6);
  CHECK(reader.stream_names().size() == 4);
  for (const CheckpointReader::Entry& entry : reader.tensors()) {
    if (entry.name != "optimizer/encoder/layers/1/moe/wi/row") continue;
    CHECK(entry.dtype == DType::f64);
    CHECK(entry.global == Shape{8, 6});
  }
}

TEST_CASE("checkpoint: texts of any length", "[checkpoint_save]") {
  const std::string folder = temporary_folder();
  const CheckpointMeta meta{1, std::string(300000, 'y'), std::string(200000, ' ') + "{}", {}, ""};
  CheckpointWriter writer(folder, 0, 1, 0);
  writer.start({}, meta);
  writer.commit();
  const CheckpointReader reader(newest_checkpoint(folder));
  CHECK(reader.config_yaml() == meta.config_yaml);
  CHECK(reader.state_json() == meta.state_json);
  CHECK(reader.verify().empty());
}

}  // namespace
}  // namespace sy
