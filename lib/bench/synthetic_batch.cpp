// SPDX-License-Identifier: Apache-2.0
#include "lib/bench/synthetic_batch.h"

#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/base/token_ids.h"

namespace sy {
namespace {

constexpr int32_t kFirstPiece = 2;  // after padding and eos

std::vector<int32_t> random_ids(const RandomKey& key, uint64_t first_draw, int64_t length,
                                int64_t vocab_size) {
  const auto pieces = narrow<uint32_t>(vocab_size - kFirstPiece);
  std::vector<int32_t> ids(static_cast<size_t>(length), kEosId);
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    ids[i] = kFirstPiece + static_cast<int32_t>(random_below(key, first_draw + i, pieces));
  }
  return ids;
}

}  // namespace

std::vector<Example> synthetic_examples(const RunConfig& config, int64_t first, int64_t count) {
  const RandomKey key{static_cast<uint64_t>(config.run.seed), 0, site::kSynthetic};
  const int64_t inputs = config.data.encoder_length, targets = config.data.decoder_length.value;
  const int64_t vocab = config.model.vocab_size.value;
  std::vector<Example> examples(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    Example& example = examples[static_cast<size_t>(i)];
    example.index = first + i;
    const auto draw = static_cast<uint64_t>((first + i) * (inputs + targets));
    example.inputs = random_ids(key, draw, inputs, vocab);
    example.targets = random_ids(key, draw + static_cast<uint64_t>(inputs), targets, vocab);
  }
  return examples;
}

}  // namespace sy
