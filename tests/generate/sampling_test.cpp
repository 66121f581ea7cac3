// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/sampling.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/base/token_ids.h"
#include "tests/generate/table_model.h"

namespace sy {
namespace {
using namespace test;

std::vector<float> log_of(std::vector<float> probabilities) {
  for (float& p : probabilities) p = std::log(p);
  return probabilities;
}

std::vector<int32_t> ids_of(const std::vector<WeightedToken>& tokens) {
  std::vector<int32_t> ids;
  for (const WeightedToken& token : tokens) ids.push_back(token.id);
  return ids;
}

using Ids = std::vector<int32_t>;

TEST_CASE("sampling: the nucleus is the fewest tokens that reach top_p", "[sampling]") {
  const std::vector<float> logits = log_of({0.1f, 0.4f, 0.05f, 0.3f, 0.15f});
  CHECK(ids_of(nucleus(logits, 1, 1)) == Ids{0, 1, 2, 3, 4});
  CHECK(ids_of(nucleus(logits, 1, 0.99)) == Ids{1, 3, 4, 0, 2});
  CHECK(ids_of(nucleus(logits, 1, 0.94)) == Ids{1, 3, 4, 0});
  CHECK(ids_of(nucleus(logits, 1, 0.71)) == Ids{1, 3, 4});
  CHECK(ids_of(nucleus(logits, 1, 0.69)) == Ids{1, 3});
  CHECK(ids_of(nucleus(logits, 1, 0.39)) == Ids{1});
  CHECK(ids_of(nucleus(logits, 1, 1e-9)) == Ids{1});
  // At a lower temperature the first has more of the mass: 0.4^4 of the fourth powers is 0.75.
  CHECK(ids_of(nucleus(logits, 0.25, 0.7)) == Ids{1});
  CHECK(ids_of(nucleus(logits, 100, 0.7)) == Ids{1, 3, 4, 0});
}

TEST_CASE("sampling: equal tokens enter the nucleus from the lowest id", "[sampling]") {
  const std::vector<float> logits(6, 0.5f);
  CHECK(ids_of(nucleus(logits, 1, 0.49)) == Ids{0, 1, 2});
}

TEST_CASE("sampling: a draw takes its share", "[sampling]") {
  const std::vector<WeightedToken> tokens{{3, 2}, {1, 0}, {0, 5}, {2, 1}};
  CHECK(draw(tokens, 0) == 3);
  CHECK(draw(tokens, 0.249) == 3);
  CHECK(draw(tokens, 0.251) == 0);
  CHECK(draw(tokens, 0.874) == 0);
  CHECK(draw(tokens, 0.876) == 2);
  CHECK(draw(tokens, 1 - 1e-16) == 2);
}

// 40000 first tokens, one per prompt number, compared with their probabilities. Chi-square with 5
// degrees of freedom exceeds 20.5 with probability 0.001; the seed is fixed.
TEST_CASE("sampling: tokens come as often as they are likely", "[sampling]") {
  constexpr int64_t kDraws = 40000;
  const double temperature = GENERATE(1.0, 0.5, 2.0);
  const double top_p = GENERATE(1.0, 0.8);
  const std::vector<float> logits = log_of({0.25f, 0.05f, 0.3f, 0.12f, 0.2f, 0.08f});
  const std::vector<WeightedToken> kept = nucleus(logits, temperature, top_p);
  double total = 0, chi_square = 0;
  for (const WeightedToken& token : kept) total += token.weight;
  GenerateOptions options;
  options.strategy = Strategy::sample;
  options.temperature = temperature;
  options.top_p = top_p;
  options.max_length = 1;
  options.seed = 11;
  std::vector<int64_t> counts(logits.size(), 0);
  for (int64_t prompt = 0; prompt < kDraws; ++prompt) {
    const auto search = make_search(options, prompt);
    CHECK(search->advance({logits.data(), 1, 6, 6}).empty());
    ++counts[static_cast<size_t>(search->result().ids.at(0))];
  }
  for (const WeightedToken& token : kept) {
    const double expected = token.weight / total * kDraws;
    const auto count = static_cast<double>(counts[static_cast<size_t>(token.id)]);
    chi_square += (count - expected) * (count - expected) / expected;
    counts[static_cast<size_t>(token.id)] = 0;
  }
  CAPTURE(temperature, top_p);
  CHECK(chi_square < 20.5);
  CHECK(counts == std::vector<int64_t>(6, 0));  // nothing else was drawn
}

TEST_CASE("sampling: positions and seeds draw apart", "[sampling]") {
  const std::vector<float> logits(1000, 0.0f);
  GenerateOptions options;
  options.strategy = Strategy::sample;
  options.max_length = 50;
  const auto sample = [&](uint64_t seed, int64_t prompt) {
    options.seed = seed;
    const auto search = make_search(options, prompt);
    while (!search->advance({logits.data(), 1, 1000, 1000}).empty()) {
    }
    return search->result().ids;
  };
  const Ids first = sample(1, 0);
  CHECK(first == sample(1, 0));
  CHECK(first != sample(2, 0));
  CHECK(first != sample(1, 1));
  CHECK(std::count(first.begin(), first.end(), first[0]) < 5);
}

}  // namespace
}  // namespace sy
