// SPDX-License-Identifier: Apache-2.0
#include "lib/train/step_batch.h"

#include <algorithm>
#include <numeric>

#include "lib/base/numeric.h"

namespace sy {
namespace {

int64_t sum_of(Tensor lengths) {
  const int32_t* first = lengths.data<int32_t>();
  return std::accumulate(first, first + lengths.numel(), int64_t{0});
}

}  // namespace

StreamLengths agree_on_lengths(const std::array<StepLengths, kStreams>& lengths,
                               const std::vector<Example>& examples, Communicator& world) {
  const auto& [inputs, targets] = lengths;
  if (inputs.unit == 0 && targets.unit == 0) return {inputs.full, targets.full};
  double longest[kStreams] = {};
  for (const Example& example : examples) {
    longest[kEncoder] = std::max(longest[kEncoder], static_cast<double>(example.inputs.size()));
    longest[kDecoder] = std::max(longest[kDecoder], static_cast<double>(example.targets.size()));
  }
  world.all_reduce_max(Tensor(longest, DType::f64, {kStreams}), "lengths of a step");
  return {inputs.fit(static_cast<int64_t>(longest[kEncoder])),
          targets.fit(static_cast<int64_t>(longest[kDecoder]))};
}

StepBatch::StepBatch(Exec& exec, int64_t sequences, int64_t micro_batch, int64_t encoder_length,
                     int64_t decoder_length, const SpecialIds& ids, bool packed)
    : micro_batch_(micro_batch),
      full_{encoder_length, decoder_length},
      builder_(exec, ceil_div(sequences, micro_batch),
               {micro_batch, full_, ids.pad, ids.start, packed}) {}

void StepBatch::fill(const std::vector<Example>& examples) {
  fill(examples, full_);
}

void StepBatch::fill(const std::vector<Example>& examples, const StreamLengths& lengths) {
  builder_.set_lengths(lengths);
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
