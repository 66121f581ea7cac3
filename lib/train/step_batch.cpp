#include "lib/train/step_batch.h"

#include <numeric>

#include "lib/base/numeric.h"

namespace sy {

StepBatch::StepBatch(int64_t sequences, int64_t micro_batch, int64_t encoder_length,
                     int64_t decoder_length)
    : micro_batch_(micro_batch) {
  const int64_t count = ceil_div(sequences, micro_batch);
  for (int64_t i = 0; i < count; ++i) {
    memory_.emplace_back(micro_batch, encoder_length, decoder_length);
  }
}

void StepBatch::fill(const std::vector<Example>& examples) {
  target_tokens_ = 0;
  input_tokens_ = 0;
  for (int64_t i = 0; i < micro_batches(); ++i) {
    BatchMemory& memory = memory_[static_cast<size_t>(i)];
    target_tokens_ += fill_batch(memory, examples, i * micro_batch_);
    input_tokens_ +=
        std::accumulate(memory.encoder_lengths.begin(), memory.encoder_lengths.end(), int64_t{0});
  }
}

Batch StepBatch::micro_batch(int64_t index) {
  BatchMemory& m = memory_[static_cast<size_t>(index)];
  const auto view = [](std::vector<int32_t>& ids, Shape shape) {
    return Tensor(ids.data(), DType::i32, shape);
  };
  const int64_t b = m.sequences, le = m.encoder_length, ld = m.decoder_length;
  Batch batch;
  batch.encoder_ids = view(m.encoder_ids, {b, le});
  batch.decoder_ids = view(m.decoder_ids, {b, ld});
  batch.targets = view(m.targets, {b, ld});
  batch.encoder_valid = view(m.encoder_valid, {b * le});
  batch.decoder_valid = view(m.decoder_valid, {b * ld});
  batch.encoder_lengths = view(m.encoder_lengths, {b});
  batch.decoder_lengths = view(m.decoder_lengths, {b});
  return batch;
}

}  // namespace sy
