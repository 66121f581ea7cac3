#include "lib/train/step_batch.h"

#include <numeric>

#include "lib/base/numeric.h"
#include "lib/tensor/transfer.h"

namespace sy {

namespace {

// The seven tensors of a micro-batch, with the names and shapes that both memories share.
template <class Visit>
void for_each_tensor(Batch& batch, BatchMemory& m, const Visit& visit) {
  const int64_t b = m.sequences, le = m.encoder_length, ld = m.decoder_length;
  visit(batch.encoder_ids, m.encoder_ids, Shape{b, le}, "encoder ids");
  visit(batch.decoder_ids, m.decoder_ids, Shape{b, ld}, "decoder ids");
  visit(batch.targets, m.targets, Shape{b, ld}, "targets");
  visit(batch.encoder_valid, m.encoder_valid, Shape{b * le}, "encoder valid");
  visit(batch.decoder_valid, m.decoder_valid, Shape{b * ld}, "decoder valid");
  visit(batch.encoder_lengths, m.encoder_lengths, Shape{b}, "encoder lengths");
  visit(batch.decoder_lengths, m.decoder_lengths, Shape{b}, "decoder lengths");
}

}  // namespace

StepBatch::StepBatch(Exec& exec, int64_t sequences, int64_t micro_batch, int64_t encoder_length,
                     int64_t decoder_length)
    : exec_(exec), micro_batch_(micro_batch) {
  const int64_t count = ceil_div(sequences, micro_batch);
  for (int64_t i = 0; i < count; ++i) {
    memory_.emplace_back(micro_batch, encoder_length, decoder_length);
  }
  batches_.resize(memory_.size());
  const bool apart = exec.backend == Backend::cuda;
  const auto place = [&] {
    for (size_t i = 0; i < memory_.size(); ++i) {
      for_each_tensor(
          batches_[i], memory_[i],
          [&](Tensor& view, std::vector<int32_t>& host, Shape shape, const char* label) {
            view = apart ? copies_.take(DType::i32, shape, label)
                         : Tensor(host.data(), DType::i32, shape);
          });
    }
  };
  place();
  if (!apart) return;
  copies_.allocate(exec.memory);
  place();
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
  if (exec_.backend == Backend::cuda) copy_to_exec();
}

void StepBatch::copy_to_exec() {
  for (size_t i = 0; i < memory_.size(); ++i) {
    for_each_tensor(batches_[i], memory_[i],
                    [&](Tensor& view, std::vector<int32_t>& host, Shape shape, const char*) {
                      upload(exec_, view, Tensor(host.data(), DType::i32, shape));
                    });
  }
}

Batch StepBatch::micro_batch(int64_t index) {
  return batches_[static_cast<size_t>(index)];
}

}  // namespace sy
