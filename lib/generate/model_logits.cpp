#include "lib/generate/model_logits.h"

#include <algorithm>

#include "lib/base/numeric.h"
#include "lib/base/token_ids.h"
#include "lib/tensor/transfer.h"

namespace sy {

DecodeShape decode_shape(const GenerateOptions& options, int64_t encoder_length) {
  return {options.batch, options.batch * options.rows_per_prompt(), encoder_length,
          options.max_length};
}

ModelLogits::ModelLogits(SwitchModel& model, Decoder& decoder, Exec& exec, int64_t usable)
    : model_(model),
      decoder_(decoder),
      exec_(exec),
      usable_(usable == 0 ? decoder.vocabulary() : usable) {
  plan();
  inputs_.allocate(exec.memory);
  plan();
}

void ModelLogits::plan() {
  const int64_t prompts = decoder_.shape().prompts, length = decoder_.shape().encoder_length;
  batch_.encoder_ids = inputs_.take(DType::i32, {prompts, length}, "prompt ids");
  batch_.encoder_valid = inputs_.take(DType::i32, {prompts * length}, "prompt valid");
  batch_.encoder_lengths = inputs_.take(DType::i32, {prompts}, "prompt lengths");
}

void ModelLogits::begin(std::span<const std::vector<int32_t>> prompts) {
  const int64_t length = decoder_.shape().encoder_length, count = std::ssize(prompts);
  ids_.assign(static_cast<size_t>(count * length), kPadId);
  valid_.assign(ids_.size(), 0);
  lengths_.clear();
  for (int64_t b = 0; b < count; ++b) {
    const std::vector<int32_t>& prompt = prompts[static_cast<size_t>(b)];
    SY_CHECK(!prompt.empty() && std::ssize(prompt) <= length, "a prompt of {} ids, planned for {}",
             prompt.size(), length);
    std::copy(prompt.begin(), prompt.end(), ids_.begin() + b * length);
    std::fill_n(valid_.begin() + b * length, prompt.size(), 1);
    lengths_.push_back(narrow<int32_t>(std::ssize(prompt)));
  }
  Batch batch;
  batch.encoder_ids = batch_.encoder_ids.slice(0, count);
  batch.encoder_valid = batch_.encoder_valid.slice(0, count * length);
  batch.encoder_lengths = batch_.encoder_lengths.slice(0, count);
  const auto send = [&](Tensor to, std::vector<int32_t>& from) {
    upload(exec_, to, Tensor(from.data(), DType::i32, to.shape()));
  };
  send(batch.encoder_ids, ids_);
  send(batch.encoder_valid, valid_);
  send(batch.encoder_lengths, lengths_);
  StepContext step;
  step.training = false;
  decoder_.begin(exec_, model_.encode(exec_, batch, step));
}

LogitRows ModelLogits::next(std::span<const int32_t> parents, std::span<const int32_t> ids) {
  decoder_.select(parents);
  const Tensor logits = decoder_.step(exec_, ids);
  const int64_t rows = logits.dim(0), vocabulary = logits.dim(1);
  if (exec_.backend == Backend::cpu) return {logits.data<float>(), rows, vocabulary, usable_};
  logits_.resize(static_cast<size_t>(logits.numel()));
  download(exec_, Tensor(logits_.data(), DType::f32, logits.shape()), logits);
  return {logits_.data(), rows, vocabulary, usable_};
}

}  // namespace sy
