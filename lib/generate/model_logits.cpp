// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/model_logits.h"

#include "lib/config/config.h"
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
      usable_(usable == 0 ? decoder.vocabulary() : usable),
      prompts_(exec, 1,
               {decoder.shape().prompts,
                {decoder.shape().encoder_length, 0},
                special_ids(model.config()).pad}) {}

void ModelLogits::begin(std::span<const std::vector<int32_t>> prompts) {
  const int64_t length = decoder_.shape().encoder_length, count = std::ssize(prompts);
  SY_CHECK(count <= decoder_.shape().prompts, "{} prompts, planned for {}", count,
           decoder_.shape().prompts);
  for (int64_t b = 0; b < count; ++b) {
    const std::vector<int32_t>& prompt = prompts[static_cast<size_t>(b)];
    SY_CHECK(std::ssize(prompt) <= length, "a prompt of {} ids, planned for {}", prompt.size(),
             length);
    const Batch& batch = prompts_.host(0);
    fill_sequence(batch.streams[kEncoder], b, prompt, batch.pad);
  }
  prompts_.send();
  StepContext step;
  step.training = false;
  decoder_.begin(exec_, model_.encode(exec_, prompts_.sent(0).slice(0, count), step));
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
