// The text that the build makes for tests (sample_maker.cpp), so that a clone needs nothing beside
// it. Scripts read the same from tests/support/sample.sh.
#pragma once

#include <string>

namespace sy::test {

constexpr int kSampleDocuments = 400;  // of a shard

struct Sample {
  std::string folder;
  std::string train;            // a glob pattern of 3 shards in C4's form
  std::string validation;       // of 1
  std::string tokenizer;        // 600 pieces, pad 0, eos 1, unk 2, without sentinels
  std::string small_tokenizer;  // the same of 256 pieces
};

// From $SWITCHYARD_SAMPLE, else from the build's folder. Throws std::runtime_error, which says what
// to build, where the sample is absent.
const Sample& sample();

}  // namespace sy::test
