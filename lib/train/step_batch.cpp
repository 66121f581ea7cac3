// SPDX-License-Identifier: Apache-2.0
#include "lib/train/step_batch.h"

#include <numeric>

#include "lib/base/numeric.h"

namespace sy {
namespace {

int64_t sum_of(Tensor lengths) {
  const int32_t* first = lengths.data<int32_t>();
  return std::accumulate(first, first + lengths.numel(), int64_t{0});
}

}  // namespace

StepBatch::StepBatch(Exec& exec, int64_t sequences, int64_t micro_batch, int64_t encoder_length,
                     int64_t decoder_length, const SpecialIds& ids, bool packed)
    : micro_batch_(micro_batch),
      builder_(exec, ceil_div(sequences, micro_batch),
               {micro_batch, {encoder_length, decoder_length}, ids.pad, ids.start, packed}) {}

void StepBatch::fill(const std::vector<Example>& examples) {
  target_tokens_ = 0;
  input_tokens_ = 0;
  for (int64_t i = 0; i < micro_batches(); ++i) {
    const Batch& batch = builder_.host(i);
    target_tokens_ += fill_batch(batch, examples, i * micro_batch_);
    input_tokens_ += sum_of(batch.streams[kEncoder].lengths);
  }
  builder_.send();
}

}  // namespace sy
