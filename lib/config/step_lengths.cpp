// SPDX-License-Identifier: Apache-2.0
#include "lib/config/step_lengths.h"

#include <numeric>

#include "lib/config/config.h"

namespace sy {
namespace {

// The smallest length of which `sequences` have a multiple of `tokens`.
int64_t length_for_multiple(int64_t tokens, int64_t sequences) {
  return tokens / std::gcd(tokens, sequences);
}

StepLengths lengths_of(const RunConfig& config, Stack stack, int64_t full) {
  constexpr int64_t kKernels = 8;
  const int64_t sequences = config.train.micro_batch;
  const ExpertsSection& experts = config.model.experts;
  const AutoInt& group =
      stack == Stack::encoder ? experts.group_tokens.encoder : experts.group_tokens.decoder;
  int64_t unit = round_up(ceil_div(full, kMostStepLengths), kKernels);
  if (experts.count > 0 && !group.is_auto) {
    unit = std::lcm(unit, length_for_multiple(group.value, sequences));
  }
  if (config.mesh.sequence_parallel) {
    unit = std::lcm(unit, length_for_multiple(config.mesh.model, sequences));
  }
  return {full, unit < full ? unit : 0};
}

}  // namespace

std::array<StepLengths, 2> step_lengths(const RunConfig& config) {
  const int64_t inputs = config.data.encoder_length, targets = config.data.decoder_length.value;
  if (config.data.bucket_batches == 1) return {StepLengths{inputs, 0}, StepLengths{targets, 0}};
  return {lengths_of(config, Stack::encoder, inputs), lengths_of(config, Stack::decoder, targets)};
}

}  // namespace sy
