// SPDX-License-Identifier: Apache-2.0
// Many prompts at once, with a table of logits and with a real model.
#include "lib/generate/generate.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/base/token_ids.h"
#include "lib/generate/model_logits.h"
#include "tests/generate/table_model.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

const Prompts kPrompts{{3, 1}, {2}, {4, 4, 1}, {5, 1}, {6, 2, 2, 1}, {1}, {7, 7, 7, 7, 7, 1}};

GenerateOptions options_for(Strategy strategy, int64_t batch) {
  GenerateOptions options;
  options.strategy = strategy;
  options.batch = batch;
  options.beams = 3;
  options.max_length = 9;
  options.top_p = 0.9;
  options.seed = 5;
  return options;
}

TEST_CASE("generate: the same for any batch size", "[generate]") {
  const Strategy strategy = GENERATE(Strategy::greedy, Strategy::sample, Strategy::beam);
  TableModel model(12, 3);
  const std::vector<Generated> alone = generate(model, kPrompts, options_for(strategy, 1));
  REQUIRE(alone.size() == kPrompts.size());
  for (const int64_t batch : {2, 3, 7, 20}) {
    const std::vector<Generated> together = generate(model, kPrompts, options_for(strategy, batch));
    REQUIRE(together.size() == kPrompts.size());
    for (size_t i = 0; i < kPrompts.size(); ++i) {
      CHECK(together[i].ids == alone[i].ids);
      CHECK(together[i].score == alone[i].score);
    }
  }
}

TEST_CASE("generate: each id comes with its own log-probability", "[generate]") {
  const Strategy strategy = GENERATE(Strategy::greedy, Strategy::sample, Strategy::beam);
  TableModel model(12, 3);
  const std::vector<Generated> targets = generate(model, kPrompts, options_for(strategy, 3));
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    REQUIRE(targets[i].log_probs.size() == targets[i].ids.size());
    std::vector<int32_t> prefix;
    double before = 0;
    for (size_t k = 0; k < targets[i].ids.size(); ++k) {
      prefix.push_back(targets[i].ids[k]);
      const double up_to_here = model.log_probability(kPrompts[i], prefix);
      CHECK(targets[i].log_probs[k] == Approx(up_to_here - before).margin(1e-6));
      before = up_to_here;
    }
  }
}

TEST_CASE("generate: targets end with eos or at their longest", "[generate]") {
  const Strategy strategy = GENERATE(Strategy::greedy, Strategy::sample, Strategy::beam);
  TableModel model(12, 3);
  bool some_ended = false, some_cut = false;
  for (const Generated& target : generate(model, kPrompts, options_for(strategy, 3))) {
    const auto eos = std::find(target.ids.begin(), target.ids.end(), kEosId);
    const bool ended = eos != target.ids.end();
    CHECK((ended ? eos + 1 == target.ids.end() : target.ids.size() == 9));
    (ended ? some_ended : some_cut) = true;
  }
  CHECK((some_ended || strategy == Strategy::beam));
  CHECK((some_cut || strategy == Strategy::beam));
}

// Notes what the decoder is given first.
class FirstInput : public TableModel {
 public:
  using TableModel::TableModel;
  LogitRows next(std::span<const int32_t> parents, std::span<const int32_t> ids) override {
    if (first.empty()) first.assign(ids.begin(), ids.end());
    return TableModel::next(parents, ids);
  }
  std::vector<int32_t> first;
};

TEST_CASE("generate: another end and another start than T5's", "[generate]") {
  const Strategy strategy = GENERATE(Strategy::greedy, Strategy::sample, Strategy::beam);
  FirstInput model(12, 3);
  GenerateOptions options = options_for(strategy, 7);
  options.eos = 4;
  options.start = 6;
  bool some_ended = false;
  for (const Generated& target : generate(model, kPrompts, options)) {
    const auto eos = std::find(target.ids.begin(), target.ids.end(), 4);
    const bool ended = eos != target.ids.end();
    CHECK((ended ? eos + 1 == target.ids.end() : target.ids.size() == 9));
    some_ended |= ended;
  }
  CHECK((some_ended || strategy == Strategy::beam));
  CHECK(model.first == std::vector<int32_t>(7, 6));
}

TEST_CASE("generate: what has ended costs nothing more", "[generate]") {
  TableModel model(6, 1);
  int64_t tokens = 0;
  for (const Generated& target : generate(model, kPrompts, options_for(Strategy::greedy, 7))) {
    tokens += std::ssize(target.ids);
  }
  CHECK(model.rows_run == tokens);
}

TEST_CASE("generate: ids that are not usable are never written", "[generate]") {
  const Strategy strategy = GENERATE(Strategy::greedy, Strategy::sample, Strategy::beam);
  TableModel model(12, 3);
  model.unusable = 8;
  for (const Generated& target : generate(model, kPrompts, options_for(strategy, 3))) {
    for (const int32_t id : target.ids) CHECK(id < 4);
  }
}

TEST_CASE("generate: batches are told as they come", "[generate]") {
  TableModel model(12, 3);
  std::vector<size_t> firsts, counts;
  const auto targets = generate(model, kPrompts, options_for(Strategy::greedy, 3),
                                [&](size_t first, std::span<const Generated> some) {
                                  firsts.push_back(first);
                                  counts.push_back(some.size());
                                });
  CHECK(firsts == std::vector<size_t>{0, 3, 6});
  CHECK(counts == std::vector<size_t>{3, 3, 1});
  CHECK(generate(model, {}, options_for(Strategy::greedy, 3)).empty());
}

TEST_CASE("generate: logits that are not finite are refused", "[generate]") {
  const std::vector<float> logits{0, NAN, 1}, infinite{0, INFINITY};
  CHECK_THROWS_AS(log_sum_exp(logits), RuntimeFailure);
  CHECK_THROWS_AS(log_sum_exp(infinite), RuntimeFailure);
}

// A small real model with sharp logits: incremental decoding and the full forward pass.
struct RealModel {
  ModelSection section;
  std::unique_ptr<ModelFixture> full;
  Exec exec;
  std::unique_ptr<SwitchModel> model;
  std::unique_ptr<Decoder> decoder;

  explicit RealModel(const GenerateOptions& options) : section(tiny_model()) {
    section.experts.count = 3;
    section.experts.capacity = CapacityMode::dropless;
    full = std::make_unique<ModelFixture>(section, ModelShape{1, 8, options.max_length}, DType::f32,
                                          false);
    model = std::make_unique<SwitchModel>(section, ModelShape{options.batch, 8, 0}, full->mesh,
                                          DType::f32, false);
    decoder = std::make_unique<Decoder>(*model, decode_shape(options, 8));
    decoder->allocate(exec);
    randomize(full->model.params(), 41, 1.5);
    randomize(model->params(), 41, 1.5);
    full->step.training = false;
  }

  std::vector<Generated> run(const GenerateOptions& options) {
    ModelLogits logits(*model, *decoder, exec);
    return generate(logits, kPrompts, options);
  }

  // Greedy search with the full pass, one prompt at a time.
  std::vector<int32_t> greedy(const std::vector<int32_t>& prompt, int64_t max_length) {
    OwnedBatch batch(8, max_length, 13, {static_cast<int32_t>(prompt.size())},
                     {static_cast<int32_t>(max_length)});
    std::copy(prompt.begin(), prompt.end(), batch.batch().streams[kEncoder].ids.data<int32_t>());
    int32_t* decoder_ids = batch.batch().streams[kDecoder].ids.data<int32_t>();
    std::vector<int32_t> target;
    std::vector<float> logits(13);
    while (std::ssize(target) < max_length) {
      const int64_t position = std::ssize(target);
      full->model.logits_at(*full->exec, batch.batch(), full->step, position,
                            Tensor(logits.data(), DType::f32, {1, 13}));
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      target.push_back(static_cast<int32_t>(best));
      if (best == kEosId) break;
      if (position + 1 < max_length) decoder_ids[position + 1] = target.back();
    }
    return target;
  }
};

TEST_CASE("generate: a real model, greedy, as its whole pass says", "[generate]") {
  const GenerateOptions options = options_for(Strategy::greedy, 3);
  RealModel real(options);
  const std::vector<Generated> targets = real.run(options);
  std::vector<std::vector<int32_t>> all;
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    CHECK(targets[i].ids == real.greedy(kPrompts[i], options.max_length));
    all.push_back(targets[i].ids);
  }
  std::sort(all.begin(), all.end());
  CHECK(std::unique(all.begin(), all.end()) - all.begin() > 3);  // not all the same
}

TEST_CASE("generate: a real model gives the same again and for any batch", "[generate]") {
  const Strategy strategy = GENERATE(Strategy::greedy, Strategy::sample, Strategy::beam);
  const GenerateOptions alone = options_for(strategy, 1), together = options_for(strategy, 5);
  RealModel first(alone), second(together);
  const std::vector<Generated> one = first.run(alone), many = second.run(together);
  const std::vector<Generated> again = second.run(together);
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    CHECK(one[i].ids == many[i].ids);
    CHECK(one[i].score == Approx(many[i].score).epsilon(1e-4));
    CHECK(again[i].ids == many[i].ids);
    CHECK(again[i].score == many[i].score);
  }
}

}  // namespace
}  // namespace sy
