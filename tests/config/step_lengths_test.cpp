// SPDX-License-Identifier: Apache-2.0
#include "lib/config/step_lengths.h"

#include <catch2/catch.hpp>
#include <vector>

namespace sy {
namespace {

RunConfig config_of(int64_t inputs, int64_t targets, int64_t micro_batch) {
  RunConfig config;
  config.data.bucket_batches = 4;
  config.data.encoder_length = inputs;
  config.data.decoder_length = {false, targets};
  config.train.micro_batch = micro_batch;
  return config;
}

TEST_CASE("step lengths: multiples of 8, at most 32 of them", "[step_lengths]") {
  const auto [inputs, targets] = step_lengths(config_of(512, 97, 4));
  CHECK(inputs.unit == 16);
  CHECK(targets.unit == 8);
  CHECK(inputs.fit(0) == 16);
  CHECK(inputs.fit(16) == 16);
  CHECK(inputs.fit(17) == 32);
  CHECK(inputs.fit(512) == 512);
  CHECK(targets.fit(96) == 96);
  CHECK(targets.fit(97) == 97);
  for (const int64_t length : {8, 88, 96, 97}) CHECK(targets.has(length));
  for (const int64_t length : {-8, 0, 4, 95, 98, 104}) CHECK(!targets.has(length));
  CHECK(step_lengths(config_of(513, 8, 4))[0].unit == 24);
  CHECK(step_lengths(config_of(513, 8, 4))[1].unit == 0);
}

TEST_CASE("step lengths: one without buckets", "[step_lengths]") {
  RunConfig config = config_of(512, 97, 4);
  config.data.bucket_batches = 1;
  const auto [inputs, targets] = step_lengths(config);
  CHECK(inputs.fit(3) == 512);
  CHECK(targets.fit(3) == 97);
  CHECK(targets.has(97));
  CHECK(!targets.has(96));
}

TEST_CASE("step lengths: micro-batches have whole routing groups", "[step_lengths]") {
  RunConfig config = config_of(512, 96, 4);
  config.model.experts.count = 8;
  config.model.experts.group_tokens = {{false, 256}, {false, 4 * 96}};
  const auto [inputs, targets] = step_lengths(config);
  CHECK(inputs.unit == 64);
  CHECK(targets.unit == 0);  // a group is the whole micro-batch
  config.model.experts.count = 0;
  CHECK(step_lengths(config)[0].unit == 16);
}

TEST_CASE("step lengths: model ranks share the rows of a micro-batch", "[step_lengths]") {
  RunConfig config = config_of(512, 96, 2);
  config.mesh.model = 3;
  CHECK(step_lengths(config)[0].unit == 16);
  config.mesh.sequence_parallel = true;
  CHECK(step_lengths(config)[0].unit == 48);
  config.mesh.model = 2;
  CHECK(step_lengths(config)[0].unit == 16);
}

}  // namespace
}  // namespace sy
