// SPDX-License-Identifier: Apache-2.0
// The text sample that the build makes for tests (sample_maker.cpp), so that a clone needs no other
// data. Scripts find it through tests/support/sample.sh.
#pragma once

#include <string>

namespace sy::test {

constexpr int kSampleDocuments = 400;  // per shard

struct Sample {
  std::string folder;
  std::string train;            // a glob pattern for 3 shards in C4's format
  std::string validation;       // a glob pattern for 1 shard
  std::string tokenizer;        // 600 pieces, pad 0, eos 1, unk 2, no sentinels
  std::string small_tokenizer;  // the same with 256 pieces
};

// In $SWITCHYARD_SAMPLE, or else in the build's folder. Throws std::runtime_error, which names the
// target to build, if it does not exist.
const Sample& sample();

}  // namespace sy::test
