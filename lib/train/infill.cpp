#include "lib/train/infill.h"

#include <algorithm>

#include "lib/base/token_ids.h"
#include "lib/data/batcher.h"
#include "lib/train/step_batch.h"

namespace sy {
namespace {

std::vector<int32_t> encode_input(const Session& session, const std::string& text) {
  std::vector<int32_t> ids = session.tokenizer->encode(text);
  ids.push_back(kEosId);
  const int64_t limit = session.config.data.encoder_length;
  if (static_cast<int64_t>(ids.size()) > limit) {
    throw ConfigError(fmt::format(
        "--text has {} tokens and the model reads {} (data.encoder_length): give a shorter text",
        ids.size(), limit));
  }
  return ids;
}

// Which sentinel an id is, or -1.
int64_t sentinel_number(const Tokenizer& tokenizer, int32_t id) {
  const int64_t number = tokenizer.sentinel(0) - id;
  return number >= 0 && number < tokenizer.sentinels() ? number : -1;
}

}  // namespace

std::string fill_blanks(const Tokenizer& tokenizer, const std::string& text,
                        const std::vector<int32_t>& target) {
  std::string result = text;
  size_t i = 0;
  while (i < target.size()) {
    const int64_t number = sentinel_number(tokenizer, target[i++]);
    if (number < 0) continue;
    std::vector<int32_t> span;
    while (i < target.size() && sentinel_number(tokenizer, target[i]) < 0)
      span.push_back(target[i++]);
    const std::string mark = fmt::format("<extra_id_{}>", number);
    const size_t place = result.find(mark);
    if (place != std::string::npos) result.replace(place, mark.size(), tokenizer.decode(span));
  }
  return result;
}

Infill infill(Session& session, const std::string& text) {
  const int64_t length = session.config.data.decoder_length.value;
  const int64_t vocab = session.config.model.vocab_size.value;
  StepBatch batch(1, 1, session.config.data.encoder_length, length);
  // The decoder is causal: places not yet written cannot reach those before them. They hold eos,
  // since padding would not be routed.
  Example example;
  example.inputs = encode_input(session, text);
  example.targets.assign(static_cast<size_t>(length), kEosId);
  std::vector<float> logits(static_cast<size_t>(vocab));
  StepContext step;
  step.training = false;
  std::vector<int32_t> written;
  for (int64_t position = 0; position < length; ++position) {
    batch.fill({example});
    session.model.logits_at(session.exec, batch.micro_batch(0), step, position,
                            Tensor(logits.data(), DType::f32, {1, vocab}));
    const auto usable = logits.begin() + session.tokenizer->size();
    const auto best =
        static_cast<int32_t>(std::max_element(logits.begin(), usable) - logits.begin());
    if (best == kEosId) break;
    written.push_back(best);
    example.targets[static_cast<size_t>(position)] = best;
  }
  return {fill_blanks(*session.tokenizer, text, written), session.tokenizer->decode(written)};
}

}  // namespace sy
