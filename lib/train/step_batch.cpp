#include "lib/train/step_batch.h"

#include <cstring>
#include <numeric>

#include "lib/base/numeric.h"

namespace sy {

namespace {

// The seven tensors of a micro-batch: view, host memory, shape.
template <class Visit>
void for_each_tensor(Batch& batch, BatchMemory& m, const Visit& visit) {
  const int64_t b = m.sequences, le = m.encoder_length, ld = m.decoder_length;
  visit(batch.encoder_ids, m.encoder_ids, Shape{b, le});
  visit(batch.decoder_ids, m.decoder_ids, Shape{b, ld});
  visit(batch.targets, m.targets, Shape{b, ld});
  visit(batch.encoder_valid, m.encoder_valid, Shape{b * le});
  visit(batch.decoder_valid, m.decoder_valid, Shape{b * ld});
  visit(batch.encoder_lengths, m.encoder_lengths, Shape{b});
  visit(batch.decoder_lengths, m.decoder_lengths, Shape{b});
}

}  // namespace

StepBatch::StepBatch(Exec& exec, int64_t sequences, int64_t micro_batch, int64_t encoder_length,
                     int64_t decoder_length)
    : micro_batch_(micro_batch) {
  const int64_t count = ceil_div(sequences, micro_batch);
  for (int64_t i = 0; i < count; ++i) {
    memory_.emplace_back(micro_batch, encoder_length, decoder_length);
  }
  batches_.resize(memory_.size());
  if (exec.backend == Backend::cuda) {
    upload_.emplace(exec, place_views(nullptr));
  } else {
    for (size_t i = 0; i < memory_.size(); ++i) {
      for_each_tensor(batches_[i], memory_[i],
                      [](Tensor& view, std::vector<int32_t>& host, Shape shape) {
                        view = Tensor(host.data(), DType::i32, shape);
                      });
    }
  }
}

// Lays the micro-batches' tensors one after another from `base` on; returns their bytes.
int64_t StepBatch::place_views(char* base) {
  int64_t bytes = 0;
  for (size_t i = 0; i < memory_.size(); ++i) {
    for_each_tensor(batches_[i], memory_[i], [&](Tensor& view, std::vector<int32_t>&, Shape shape) {
      view = Tensor(base == nullptr ? nullptr : base + bytes, DType::i32, shape);
      bytes += round_up(view.bytes(), 64);
    });
  }
  return bytes;
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
  if (upload_) send();
}

void StepBatch::send() {
  place_views(upload_->next());
  for (size_t i = 0; i < memory_.size(); ++i) {
    for_each_tensor(batches_[i], memory_[i], [](Tensor& view, std::vector<int32_t>& host, Shape) {
      std::memcpy(view.raw(), host.data(), static_cast<size_t>(view.bytes()));
    });
  }
  place_views(upload_->send());
}

Batch StepBatch::micro_batch(int64_t index) {
  return batches_[static_cast<size_t>(index)];
}

}  // namespace sy
