#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/span_plan.h"
#include "lib/config/config.h"

namespace sy {

void resolve_config(RunConfig& config, int64_t tokenizer_size) {
  DataSection& data = config.data;
  const SpanPlan plan =
      data.window_tokens.is_auto
          ? span_plan(data.encoder_length, data.noise_density, data.mean_noise_span)
          : window_plan(data.window_tokens.value, data.noise_density, data.mean_noise_span);
  data.window_tokens = {false, plan.window_tokens};
  if (data.decoder_length.is_auto) data.decoder_length = {false, plan.decoder_length};
  if (tokenizer_size == 0) return;
  AutoInt& vocabulary = config.model.vocab_size;
  constexpr int64_t kRows = 128;  // a friendly width for the output projection
  if (vocabulary.is_auto) vocabulary = {false, round_up(tokenizer_size, kRows)};
  if (vocabulary.value < tokenizer_size) {
    throw ConfigError(fmt::format(
        "model.vocab_size: {} is less than the {} pieces and sentinels of data.tokenizer; use auto",
        vocabulary.value, tokenizer_size));
  }
}

}  // namespace sy
