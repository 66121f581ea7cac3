// SPDX-License-Identifier: Apache-2.0
// The source of logits, and rows of logits as search strategies read them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sy {

// Logits of the next token, one row per sequence. Ids from `usable` on do not take part.
struct LogitRows {
  const float* data = nullptr;
  int64_t rows = 0;
  int64_t vocabulary = 0;  // row stride
  int64_t usable = 0;

  std::span<const float> row(int64_t i) const {
    return {data + i * vocabulary, static_cast<size_t>(usable)};
  }
  LogitRows slice(int64_t begin, int64_t count) const {
    return {data + begin * vocabulary, count, vocabulary, usable};
  }
};

// log(sum(exp(logits))). The log-probability of a token is its logit minus this. Throws
// RuntimeFailure if logits are not finite.
double log_sum_exp(std::span<const float> logits);

// The interface between generation and a model.
class NextLogits {
 public:
  NextLogits() = default;
  virtual ~NextLogits() = default;
  NextLogits(const NextLogits&) = delete;
  NextLogits& operator=(const NextLogits&) = delete;

  // Starts one sequence per prompt. Prompts are token ids.
  virtual void begin(std::span<const std::vector<int32_t>> prompts) = 0;
  // Sequence i continues the former sequence parents[i] with token ids[i]. In the first call, the
  // sequences are those of the prompts and the tokens are padding. The logits are valid until the
  // next call.
  virtual LogitRows next(std::span<const int32_t> parents, std::span<const int32_t> ids) = 0;
};

}  // namespace sy
