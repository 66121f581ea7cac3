// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/likelihood.h"

#include <catch2/catch.hpp>

#include "tests/generate/table_model.h"

namespace sy {
namespace {

const Prompts kPrompts{{3}, {4, 5}, {3, 3, 3}, {6}, {7, 1}};
const Prompts kTargets{{2, 1}, {5}, {1, 2, 3, 4}, {0, 0}, {9, 8, 7}};

TEST_CASE("likelihood: the sum of each token's log-probability", "[likelihood]") {
  test::TableModel model(10, 1);
  const int64_t batch = GENERATE(1, 2, 5, 8);
  const auto likelihoods = target_likelihoods(model, kPrompts, kTargets, batch, kPadId);
  REQUIRE(likelihoods.size() == kTargets.size());
  for (size_t i = 0; i < kTargets.size(); ++i) {
    CAPTURE(batch, i);
    CHECK(likelihoods[i].log_likelihood ==
          Approx(model.log_probability(kPrompts[i], kTargets[i])).epsilon(1e-6));
    CHECK(likelihoods[i].log_probs.size() == kTargets[i].size());
  }
}

TEST_CASE("likelihood: what greedy search writes is greedy", "[likelihood]") {
  test::TableModel model(10, 2);
  GenerateOptions options;
  options.max_length = 5;
  Prompts written;
  for (const Generated& target : generate(model, kPrompts, options)) written.push_back(target.ids);
  for (const Likelihood& likelihood :
       target_likelihoods(model, kPrompts, written, 3, options.start)) {
    CHECK(likelihood.greedy);
  }
  for (size_t i = 0; i < written.size(); ++i) {
    int32_t& changed = written[i][i % written[i].size()];
    changed = (changed + 1) % 10;
  }
  for (const Likelihood& likelihood :
       target_likelihoods(model, kPrompts, written, 3, options.start)) {
    CHECK_FALSE(likelihood.greedy);
  }
}

int32_t best_after(const test::TableModel& model, const std::vector<int32_t>& sequence) {
  const std::vector<float> logits = model.logits_of(sequence);
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

TEST_CASE("likelihood: one token that is not the best is enough", "[likelihood]") {
  test::TableModel model(10, 4);
  std::vector<int32_t> sequence{3, -1, kPadId};  // the prompt, where the table's target begins
  const int32_t other = (best_after(model, sequence) + 1) % 10;
  sequence.push_back(other);
  const Prompts targets{{other, best_after(model, sequence)}};
  CHECK_FALSE(target_likelihoods(model, {{3}}, targets, 1, kPadId)[0].greedy);
}

TEST_CASE("likelihood: an empty target is refused", "[likelihood]") {
  test::TableModel model(10, 3);
  CHECK_THROWS_AS(target_likelihoods(model, {{1}}, {{}}, 1, kPadId), InternalError);
}

}  // namespace
}  // namespace sy
