// SPDX-License-Identifier: Apache-2.0
#include "lib/data/span_corruption.h"

#include <algorithm>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/span_plan.h"

namespace sy {
namespace {

// Replaces each run of tokens whose mask is `replaced` by a sentinel.
void replace_runs(std::vector<int32_t>& ids, std::span<const int32_t> tokens,
                  std::span<const uint8_t> mask, uint8_t replaced,
                  std::span<const int32_t> sentinels) {
  SY_CHECK(tokens.size() == mask.size(), "{} tokens, a mask of {}", tokens.size(), mask.size());
  ids.clear();
  size_t runs = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (mask[i] != replaced) {
      ids.push_back(tokens[i]);
    } else if (i == 0 || mask[i - 1] != replaced) {
      if (runs == sentinels.size()) {
        throw ConfigError(fmt::format(
            "a sequence needs more than the tokenizer's {} sentinels; raise data.extra_ids or "
            "data.mean_noise_span",
            sentinels.size()));
      }
      ids.push_back(sentinels[runs++]);
    }
  }
}

}  // namespace

// Cuts lie after parts - 1 of the first total - 1 items, chosen by the first draws of a
// Fisher-Yates shuffle.
std::vector<int64_t> random_partition(int64_t total, int64_t parts, const RandomKey& key,
                                      uint64_t& draw) {
  SY_CHECK(parts >= 1 && parts <= total, "{} parts of {}", parts, total);
  std::vector<int64_t> cuts(static_cast<size_t>(total - 1));
  std::iota(cuts.begin(), cuts.end(), 1);
  const auto chosen = static_cast<size_t>(parts - 1);
  for (size_t i = 0; i < chosen; ++i) {
    const uint32_t left = narrow<uint32_t>(cuts.size() - i);
    std::swap(cuts[i], cuts[i + random_below(key, draw++, left)]);
  }
  cuts.resize(chosen);
  std::sort(cuts.begin(), cuts.end());
  cuts.push_back(total);
  std::adjacent_difference(cuts.begin(), cuts.end(), cuts.begin());
  return cuts;
}

std::vector<uint8_t> interleave_spans(std::span<const int64_t> nonnoise,
                                      std::span<const int64_t> noise) {
  SY_CHECK(nonnoise.size() == noise.size(), "{} nonnoise and {} noise spans", nonnoise.size(),
           noise.size());
  std::vector<uint8_t> mask;
  for (size_t i = 0; i < noise.size(); ++i) {
    mask.insert(mask.end(), static_cast<size_t>(nonnoise[i]), 0);
    mask.insert(mask.end(), static_cast<size_t>(noise[i]), 1);
  }
  return mask;
}

std::vector<uint8_t> noise_mask(int64_t length, double density, double mean_span, uint64_t seed,
                                uint64_t index) {
  const SpanPlan plan = window_plan(length, density, mean_span);
  if (plan.spans == 0) return std::vector<uint8_t>(static_cast<size_t>(length), 0);
  const RandomKey key{seed, 0, site::kSpans};
  uint64_t draw = index * kDrawsPerExample;
  const auto noise = random_partition(plan.noise_tokens, plan.spans, key, draw);
  const auto nonnoise = random_partition(plan.kept_tokens, plan.spans, key, draw);
  std::vector<uint8_t> mask = interleave_spans(nonnoise, noise);
  mask.resize(static_cast<size_t>(length));  // window_plan() counts a single token as two
  return mask;
}

void noise_span_to_unique_sentinel(std::vector<int32_t>& ids, std::span<const int32_t> tokens,
                                   std::span<const uint8_t> mask,
                                   std::span<const int32_t> sentinels) {
  replace_runs(ids, tokens, mask, 1, sentinels);
}

void nonnoise_span_to_unique_sentinel(std::vector<int32_t>& ids, std::span<const int32_t> tokens,
                                      std::span<const uint8_t> mask,
                                      std::span<const int32_t> sentinels) {
  replace_runs(ids, tokens, mask, 0, sentinels);
}

}  // namespace sy
