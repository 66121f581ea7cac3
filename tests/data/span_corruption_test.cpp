// SPDX-License-Identifier: Apache-2.0
#include "lib/data/span_corruption.h"

#include <simdjson.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/span_plan.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

template <class T>
std::vector<T> list_of(simdjson::dom::element list) {
  std::vector<T> values;
  for (const int64_t value : list.get_array()) values.push_back(static_cast<T>(value));
  return values;
}

std::vector<int32_t> corrupt(const std::vector<int32_t>& tokens, const std::vector<uint8_t>& mask,
                             bool noise, int32_t first, int64_t sentinels = 100) {
  std::vector<int32_t> ids = {-1, -1};  // to be overwritten
  std::vector<int32_t> descending(static_cast<size_t>(sentinels));
  for (int32_t& id : descending) id = first--;
  (noise ? noise_span_to_unique_sentinel : nonnoise_span_to_unique_sentinel)(ids, tokens, mask,
                                                                             descending);
  return ids;
}

TEST_CASE("span_corruption: the published examples", "[span_corruption]") {
  using Ids = std::vector<int32_t>;
  const Ids tokens = {10, 11, 12, 13, 14, 15};
  const std::vector<uint8_t> mask = {1, 1, 0, 0, 1, 0};
  CHECK(corrupt(tokens, mask, true, 999) == Ids{999, 12, 13, 998, 15});
  CHECK(corrupt(tokens, mask, false, 999) == Ids{10, 11, 999, 14, 998});
  const SpanPlan counts = window_plan(32, 0.25, 2.0);
  CHECK(counts.noise_tokens == 8);
  CHECK(counts.spans == 4);
  CHECK(counts.kept_tokens == 24);
  CHECK(noise_mask(32, 0.0, 3.0, 1, 0) == std::vector<uint8_t>(32, 0));
  CHECK(noise_mask(1, 0.15, 3.0, 1, 0) == std::vector<uint8_t>{0});
}

TEST_CASE("span_corruption: the reference's inputs and targets", "[span_corruption]") {
  const auto path = shared_file("vectors/span_corruption.jsonl");
  if (!path) return;
  simdjson::dom::parser parser;
  simdjson::dom::document_stream cases = parser.load_many(*path);
  int64_t count = 0;
  for (simdjson::dom::element item : cases) {
    const int64_t length = item["length"];
    const SpanPlan counts = window_plan(length, item["noise_density"], item["mean"]);
    CAPTURE(length, count);
    CHECK(counts.noise_tokens == int64_t{item["num_noise"]});
    CHECK(counts.spans == int64_t{item["num_spans"]});
    CHECK(counts.kept_tokens == int64_t{item["num_nonnoise"]});
    std::vector<uint8_t> mask = interleave_spans(list_of<int64_t>(item["nonnoise_spans"]),
                                                 list_of<int64_t>(item["noise_spans"]));
    mask.resize(static_cast<size_t>(length));
    CHECK(mask == list_of<uint8_t>(item["mask"]));
    const auto tokens = list_of<int32_t>(item["tokens"]);
    CHECK(corrupt(tokens, mask, true, 32099) == list_of<int32_t>(item["inputs"]));
    CHECK(corrupt(tokens, mask, false, 32099) == list_of<int32_t>(item["targets"]));
    ++count;
  }
  CHECK(count == 62);
}

// Inputs: a token that is kept stands for itself, the first of a run that is not for a sentinel,
// the others for nothing. Targets: the same, kept and masked exchanged.
std::vector<int32_t> by_definition(const std::vector<int32_t>& tokens,
                                   const std::vector<uint8_t>& mask, uint8_t replaced) {
  std::vector<int32_t> ids;
  int32_t sentinel = 32099;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (mask[i] != replaced) ids.push_back(tokens[i]);
    if (mask[i] == replaced && (i == 0 || mask[i - 1] != replaced)) ids.push_back(sentinel--);
  }
  return ids;
}

TEST_CASE("span_corruption: inputs and targets by their definition", "[span_corruption]") {
  for (const int64_t length : {1, 2, 3, 10, 141, 568}) {
    std::vector<int32_t> tokens;
    for (int64_t i = 0; i < length; ++i) tokens.push_back(static_cast<int32_t>(1000 + 7 * i));
    for (uint64_t index = 0; index < 20; ++index) {
      const std::vector<uint8_t> mask = noise_mask(length, 0.15, 3.0, 4, index);
      CAPTURE(length, index);
      CHECK(corrupt(tokens, mask, true, 32099) == by_definition(tokens, mask, 1));
      CHECK(corrupt(tokens, mask, false, 32099) == by_definition(tokens, mask, 0));
      // A mask that begins and ends with noise.
      std::vector<uint8_t> other = mask;
      std::reverse(other.begin(), other.end());
      CHECK(corrupt(tokens, other, true, 32099) == by_definition(tokens, other, 1));
      CHECK(corrupt(tokens, other, false, 32099) == by_definition(tokens, other, 0));
    }
  }
}

TEST_CASE("span_corruption: every mask has the counts, starts kept and ends masked",
          "[span_corruption]") {
  const int64_t length = GENERATE(2, 3, 17, 141, 568);
  const SpanPlan counts = window_plan(length, 0.15, 3.0);
  for (uint64_t index = 0; index < 200; ++index) {
    const std::vector<uint8_t> mask = noise_mask(length, 0.15, 3.0, 4, index);
    int64_t runs = 0;
    for (size_t i = 1; i < mask.size(); ++i) runs += mask[i] == 1 && mask[i - 1] == 0;
    CHECK(static_cast<int64_t>(mask.size()) == length);
    CHECK(std::accumulate(mask.begin(), mask.end(), int64_t{0}) == counts.noise_tokens);
    CHECK(runs == counts.spans);
    CHECK(mask.front() == 0);
    CHECK(mask.back() == 1);
  }
}

TEST_CASE("span_corruption: a mask is a function of seed and example", "[span_corruption]") {
  const auto mask = noise_mask(568, 0.15, 3.0, 1, 5);
  CHECK(mask == noise_mask(568, 0.15, 3.0, 1, 5));
  CHECK(mask != noise_mask(568, 0.15, 3.0, 2, 5));
  CHECK(mask != noise_mask(568, 0.15, 3.0, 1, 6));
  CHECK(noise_mask(568, 0.15, 3.0, 1, uint64_t{1} << 33) != noise_mask(568, 0.15, 3.0, 1, 0));
}

// 10 of 4 parts: 84 compositions. Chi-square with 83 degrees of freedom; 130 has p < 0.001.
TEST_CASE("span_corruption: all partitions are equally likely", "[span_corruption]") {
  const RandomKey key{11, 0, site::kSpans};
  std::map<std::vector<int64_t>, int64_t> seen;
  uint64_t draw = 0;
  constexpr int64_t kDraws = 84000;
  for (int64_t i = 0; i < kDraws; ++i) ++seen[random_partition(10, 4, key, draw)];
  CHECK(seen.size() == 84);
  CHECK(draw == 3 * kDraws);
  double chi_square = 0;
  for (const auto& [parts, count] : seen) {
    CHECK(std::accumulate(parts.begin(), parts.end(), int64_t{0}) == 10);
    const double expected = kDraws / 84.0, difference = static_cast<double>(count) - expected;
    chi_square += difference * difference / expected;
  }
  CHECK(chi_square < 130);
  CHECK(random_partition(5, 1, key, draw) == std::vector<int64_t>{5});
  CHECK(random_partition(3, 3, key, draw) == std::vector<int64_t>{1, 1, 1});
}

// Lengths of the k-th masked and the k-th kept run of many masks. Drawn apart, their correlation
// over n pairs deviates by about 1 / sqrt(n) from 0; one draw for both would make them nearly
// equal.
TEST_CASE("span_corruption: masked and kept spans are drawn apart", "[span_corruption]") {
  const size_t which = GENERATE(0, 1, 5, 9);
  constexpr int64_t kMasks = 4000, kLength = 200;  // 30 masked, in 10 spans
  double sums[2] = {}, squares[2] = {}, product = 0;
  for (uint64_t index = 0; index < kMasks; ++index) {
    const std::vector<uint8_t> mask = noise_mask(kLength, 0.15, 3.0, 9, index);
    std::vector<double> runs[2];
    for (size_t i = 0; i < mask.size(); ++i) {
      if (i == 0 || mask[i] != mask[i - 1]) runs[mask[i]].push_back(0);
      ++runs[mask[i]].back();
    }
    REQUIRE(runs[0].size() == 10);
    const double lengths[2] = {runs[0][which], runs[1][which]};
    for (size_t kind = 0; kind < 2; ++kind) {
      sums[kind] += lengths[kind];
      squares[kind] += lengths[kind] * lengths[kind];
    }
    product += lengths[0] * lengths[1];
  }
  const auto covariance = [&](double of_both, double a, double b) {
    return of_both / kMasks - a / kMasks * b / kMasks;
  };
  const double correlation =
      covariance(product, sums[0], sums[1]) / std::sqrt(covariance(squares[0], sums[0], sums[0]) *
                                                        covariance(squares[1], sums[1], sums[1]));
  CHECK(std::abs(correlation) < 5 / std::sqrt(kMasks));
}

TEST_CASE("span_corruption: more runs than sentinels are refused", "[span_corruption]") {
  const std::vector<int32_t> tokens = {5, 6, 7, 8};
  CHECK(corrupt(tokens, {0, 1, 0, 1}, true, 99, 2).size() == 4);
  CHECK_THROWS_AS(corrupt(tokens, {0, 1, 0, 1}, true, 99, 1), ConfigError);
}

}  // namespace
}  // namespace sy
