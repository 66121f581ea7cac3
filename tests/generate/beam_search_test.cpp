// SPDX-License-Identifier: Apache-2.0
// Beam search against the enumeration of every target of a small vocabulary.
#include "lib/generate/beam_search.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/base/token_ids.h"
#include "tests/generate/table_model.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kVocabulary = 4, kMaxLength = 4;
const std::vector<int32_t> kPrompt{3, 1};

GenerateOptions beam_options(int64_t beams, double length_penalty) {
  GenerateOptions options;
  options.strategy = Strategy::beam;
  options.beams = beams;
  options.length_penalty = length_penalty;
  options.max_length = kMaxLength;
  return options;
}

// Every target: those that end with eos, and those of kMaxLength tokens.
void enumerate(std::vector<int32_t>& prefix, std::vector<std::vector<int32_t>>& all) {
  for (int32_t id = 0; id < kVocabulary; ++id) {
    prefix.push_back(id);
    if (id == kEosId || std::ssize(prefix) == kMaxLength) {
      all.push_back(prefix);
    } else {
      enumerate(prefix, all);
    }
    prefix.pop_back();
  }
}

Generated best_of_all(const TableModel& model, double length_penalty) {
  std::vector<int32_t> prefix;
  std::vector<std::vector<int32_t>> all;
  enumerate(prefix, all);
  Generated best{{}, -INFINITY};
  for (const std::vector<int32_t>& target : all) {
    const double score = model.log_probability(kPrompt, target) /
                         std::pow(static_cast<double>(target.size()), length_penalty);
    if (score > best.score) best = {target, score};
  }
  return best;
}

Generated search(TableModel& model, const GenerateOptions& options) {
  return generate(model, {kPrompt}, options).at(0);
}

TEST_CASE("beam_search: with a beam for every prefix it finds the best target", "[beam_search]") {
  const double length_penalty = GENERATE(0.0, 0.5, 1.0, 2.0, -1.0);
  for (uint64_t seed = 0; seed < 40; ++seed) {
    TableModel model(kVocabulary, seed, 2, 100);
    const Generated found = search(model, beam_options(81, length_penalty));
    const Generated best = best_of_all(model, length_penalty);
    CAPTURE(seed, length_penalty);
    CHECK(found.ids == best.ids);
    CHECK(found.score == Approx(best.score).margin(1e-9));
  }
}

TEST_CASE("beam_search: a few beams find it more often than greedy does", "[beam_search]") {
  int greedy_hits = 0, beam_hits = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    TableModel model(kVocabulary, seed);
    const Generated best = best_of_all(model, 0);
    GenerateOptions greedy;
    greedy.max_length = kMaxLength;
    greedy_hits += search(model, greedy).ids == best.ids ? 1 : 0;
    beam_hits += search(model, beam_options(3, 0)).ids == best.ids ? 1 : 0;
  }
  CHECK(beam_hits > greedy_hits);
  CHECK(beam_hits > 60);
}

TEST_CASE("beam_search: one beam without penalty is greedy but for eos", "[beam_search]") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    TableModel model(kVocabulary, seed);
    GenerateOptions greedy;
    greedy.max_length = kMaxLength;
    const Generated plain = search(model, greedy);
    const Generated beam = search(model, beam_options(1, 0));
    CAPTURE(seed);
    CHECK(beam.ids == plain.ids);
    CHECK(beam.score == Approx(plain.score).margin(1e-9));
  }
}

TEST_CASE("beam_search: the score is the log-probability by the length penalty", "[beam_search]") {
  const double length_penalty = GENERATE(0.0, 1.0, 1.5);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    TableModel model(kVocabulary, seed);
    const Generated found = search(model, beam_options(3, length_penalty));
    const double length = std::pow(static_cast<double>(found.ids.size()), length_penalty);
    CHECK(found.score == Approx(model.log_probability(kPrompt, found.ids) / length).margin(1e-9));
  }
}

TEST_CASE("beam_search: early stopping ends with as many targets as beams", "[beam_search]") {
  // eos is likely from the start, so that two beams have their targets after two tokens.
  const std::vector<float> likely_eos{0, 3, 1, -1};
  GenerateOptions options = beam_options(2, 1);
  options.max_length = 50;
  options.early_stopping = true;
  const auto search = make_search(options, 0);
  auto next = search->advance({likely_eos.data(), 1, 4, 4});
  CHECK(next.size() == 2);
  std::vector<float> rows = likely_eos;
  rows.insert(rows.end(), likely_eos.begin(), likely_eos.end());
  next = search->advance({rows.data(), 2, 4, 4});
  CHECK(next.empty());
  CHECK(search->result().ids == std::vector<int32_t>{kEosId});
}

TEST_CASE("beam_search: of equal scores the lower id goes first", "[beam_search]") {
  const std::vector<float> equal(6, 0.25f);
  const auto search = make_search(beam_options(2, 1), 0);
  const auto next = search->advance({equal.data(), 1, 6, 6});
  REQUIRE(next.size() == 2);  // eos is removed from 0, 1, 2, 3
  CHECK(next[0].id == 0);
  CHECK(next[1].id == 2);
}

}  // namespace
}  // namespace sy
