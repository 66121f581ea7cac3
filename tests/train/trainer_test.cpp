// SPDX-License-Identifier: Apache-2.0
// A run as a user starts it, from shards to metrics.jsonl and checkpoints. Every number it writes
// is compared with plain training (plain_training.h), evaluations with the scalar reference model.
#include "lib/train/trainer.h"

#include <simdjson.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/config/config.h"
#include "tests/data/support.h"
#include "tests/model/reference_model.h"
#include "tests/support/shared_files.h"
#include "tests/train/alone.h"
#include "tests/train/plain_training.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

// Distributes the value of rank 0 to every rank.
std::string from_first_rank(const std::string& text) {
  auto size = static_cast<int32_t>(text.size());
  test_world().broadcast(Tensor(&size, DType::i32, {1}), 0, "size of a text");
  std::vector<int32_t> letters(text.begin(), text.end());
  letters.resize(static_cast<size_t>(size));
  test_world().broadcast(Tensor(letters.data(), DType::i32, {size}), 0, "a text");
  return {letters.begin(), letters.end()};
}

// Makes a folder with training text, different validation text, and a tokenizer. Collective.
std::string make_text() {
  std::string folder;
  if (test_world().rank() == 0) {
    folder = temporary_folder();
    write_file(folder + "/train.0.json.gz", gzip(records(60, 1)));
    write_file(folder + "/train.1.json.gz", gzip(records(60, 2)));
    write_file(folder + "/validation.json.gz", gzip(records(60, 3)));
    write_file(folder + "/small.model", read_file(small_model()));
  }
  return from_first_rank(folder);
}

// Noise, drops in training and in evaluation, and a changing learning rate.
RunConfig run_config(const std::string& folder, const std::string& backend) {
  return parse_config(fmt::format(R"(
run: {{name: run, directory: {0}, seed: 5}}
backend: {1}
model: {{d_model: 16, d_kv: 8, num_heads: 2, d_ff: 24, encoder_layers: 2, decoder_layers: 2, dropout: 0.2,
        experts: {{count: 4, capacity_factor: 0.6, eval_capacity_factor: 0.9, min_capacity: 1, jitter: 0.2,
                  dropout: 0.2, balance_loss: 0.5, z_loss: 0.2}}}}
data: {{train: ["{0}/train.*.json.gz"], validation: ["{0}/validation.json.gz"], tokenizer: {0}/small.model,
       extra_ids: 20, encoder_length: 24, streams: 4, shuffle_buffer: 8}}
optimizer: {{learning_rate: 0.1, warmup_steps: 3, schedule: linear, clip_norm: 0.3, factor_from: 8}}
train: {{steps: 6, global_batch: 16, micro_batch: 2, log_every: 1, eval_every: 2, eval_sequences: 16,
        checkpoint_every: 2, keep_checkpoints: 0}}
)",
                                  folder, backend),
                      "run");
}

// The numbers of a line of metrics.jsonl by name.
using Line = std::map<std::string, double>;

// kind -> step -> line
// The numbers of each layer under LAYER/NAME.
void add_routers(Line& numbers, const simdjson::dom::object& routers) {
  for (const auto [layer, of] : routers) {
    const simdjson::dom::object fields = of;
    for (const auto [name, value] : fields) {
      numbers[fmt::format("{}/{}", layer, name)] = double(value);
    }
  }
}

std::map<std::string, std::map<int64_t, Line>> read_metrics(const std::string& path) {
  std::map<std::string, std::map<int64_t, Line>> lines;
  simdjson::dom::parser parser;
  std::istringstream text(read_file(path));
  for (std::string line; std::getline(text, line);) {
    Line numbers;
    const simdjson::dom::object fields = parser.parse(line);
    for (const auto [key, value] : fields) {
      if (key == "router") {
        add_routers(numbers, value);
      } else if (key != "kind") {
        numbers[std::string(key)] = double(value);
      }
    }
    const std::string kind{std::string_view(fields["kind"])};
    REQUIRE(lines[kind].emplace(static_cast<int64_t>(numbers.at("step")), numbers).second);
  }
  return lines;
}

// `count` batches of `size` examples, for evaluation without shuffling.
std::vector<std::vector<Example>> read_batches(Session& session,
                                               const std::vector<std::string>& shards, int64_t size,
                                               int64_t count, bool shuffled) {
  DataSection data = session.config.data;
  if (!shuffled) data.shuffle_buffer = data.example_buffer = 1;
  Loader loader(data, shards, session.loader_place(size),
                static_cast<uint64_t>(session.config.run.seed), session.tokenizer);
  std::vector<std::vector<Example>> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(loader.next());
  return result;
}

std::vector<int> padded(const std::vector<int32_t>& ids, int64_t length) {
  std::vector<int> row(ids.begin(), ids.end());
  row.resize(static_cast<size_t>(length));
  return row;
}

ReferenceResult plain_evaluation(const RunConfig& config, const ReferenceParams& weights,
                                 const std::vector<Example>& examples) {
  ReferenceBatch batch;
  for (const Example& example : examples) {
    batch.inputs.push_back(padded(example.inputs, config.data.encoder_length));
    batch.targets.push_back(padded(example.targets, config.data.decoder_length.value));
  }
  return reference_forward(config.model, weights, batch, config.model.experts.eval_capacity_factor);
}

void check_router(const Line& line, const std::vector<std::vector<int>>& counts) {
  double routed = 0, dropped = 0, largest = 0;
  for (const std::vector<int>& layer : counts) {
    double total = 0, fullest = 0;
    for (size_t e = 0; e + 1 < layer.size(); ++e) {
      total += layer[e];
      fullest = std::max<double>(fullest, layer[e]);
    }
    routed += total;
    dropped += layer.back();
    largest = std::max(largest, fullest * static_cast<double>(layer.size() - 1) / total);
  }
  REQUIRE(dropped > 0);
  CHECK(line.at("dropped_fraction") == Approx(dropped / routed).epsilon(1e-12));
  CHECK(line.at("expert_load_max") == Approx(largest).epsilon(1e-12));
}

void check_evaluation(const Line& line, const RunConfig& config, const ReferenceParams& weights,
                      const std::vector<Example>& examples, int64_t tokens) {
  const ReferenceResult expected = plain_evaluation(config, weights, examples);
  const int64_t targets = tokens_of(examples).target;
  CHECK(line.at("loss") ==
        Approx(expected.cross_entropy / static_cast<double>(targets)).epsilon(1e-5));
  CHECK(line.at("neg_log_perplexity") == -line.at("loss"));
  CHECK(line.at("target_tokens") == static_cast<double>(targets));
  CHECK(line.at("sequences") == static_cast<double>(examples.size()));
  CHECK(line.at("tokens") == static_cast<double>(tokens));
  check_router(line, expected.counts);
}

void check_step(const Line& line, const PlainStep& expected, const StepTokens& of_step,
                int64_t tokens) {
  CHECK(line.at("tokens") == static_cast<double>(tokens));
  CHECK(line.at("loss") == Approx(expected.loss).epsilon(1e-5));
  CHECK(line.at("neg_log_perplexity") == -line.at("loss"));
  CHECK(line.at("grad_norm") == Approx(expected.grad_norm).epsilon(1e-5));
  CHECK(line.at("learning_rate") == Approx(expected.learning_rate).epsilon(1e-14));
  CHECK(line.at("balance_loss") == Approx(expected.balance_loss).epsilon(1e-5));
  CHECK(line.at("z_loss") == Approx(expected.z_loss).epsilon(1e-5));
  CHECK(line.at("dropped_fraction") == Approx(expected.dropped_fraction).epsilon(1e-12));
  CHECK(line.at("expert_load_max") == Approx(expected.expert_load_max).epsilon(1e-12));
  for (size_t layer = 0; layer < expected.entropies.size(); ++layer) {
    const std::string name = layer == 0 ? "encoder/layers/1" : "decoder/layers/1";
    CHECK(line.at(name + "/entropy") == Approx(expected.entropies[layer]).epsilon(1e-5));
    CHECK(line.at(name + "/load_max") == Approx(expected.load_maxima[layer]).epsilon(1e-12));
  }
  CHECK(line.at("tokens_per_second") * line.at("step_seconds") ==
        Approx(static_cast<double>(of_step.total())).epsilon(1e-12));
}

// The result of `switchyard evaluate`.
Evaluation evaluate_checkpoint(const RunConfig& config, const std::string& path) {
  AloneSession alone(config, false, true);
  Session& session = alone.session;
  session.model.plan(session.exec);
  session.model.allocate(session.exec);
  restore_parameters(session, CheckpointReader(path));
  const std::vector<Corpus> text = find_corpora(config.data, Split::validation);
  return Evaluator(session, text, config.train.eval_sequences).run();
}

void check_run(const RunConfig& config) {
  const std::string folder = config.run.directory + "/" + config.run.name;
  auto lines = read_metrics(folder + "/metrics.jsonl");
  AloneAtStart alone(config, true);
  const RunConfig& resolved = alone.session.config;
  const auto batches = read_batches(alone.session, config.data.train, config.train.global_batch,
                                    config.train.steps, true);
  const auto validation =
      read_batches(alone.session, config.data.validation, config.train.eval_sequences, 1, false)
          .front();
  PlainTraining plain(resolved, alone.session.model.params());
  REQUIRE(lines["train"].size() == batches.size());
  REQUIRE(lines["evaluation"].size() == 4);

  int64_t tokens = 0;
  check_evaluation(lines["evaluation"].at(0), resolved, plain.weights, validation, tokens);
  const Line& first = lines["train"].at(1);
  for (int64_t step = 1; step <= config.train.steps; ++step) {
    CAPTURE(step);
    const std::vector<Example>& batch = batches[static_cast<size_t>(step - 1)];
    const PlainStep expected = plain.step(batch);
    REQUIRE(expected.grad_norm > 1.5 * config.optimizer.clip_norm);
    tokens += tokens_of(batch).total();
    const Line& line = lines["train"].at(step);
    check_step(line, expected, tokens_of(batch), tokens);
    CHECK(line.at("mfu") * line.at("step_seconds") ==
          Approx(first.at("mfu") * first.at("step_seconds")).epsilon(1e-12));
    if (step % config.train.eval_every != 0) continue;
    const Line& evaluation = lines["evaluation"].at(step);
    check_evaluation(evaluation, resolved, plain.weights, validation, tokens);
    const Evaluation again =
        evaluate_checkpoint(config, fmt::format("{}/checkpoints/step-{:08}", folder, step));
    CHECK(evaluation.at("loss") == Approx(again.loss).epsilon(1e-6));
    CHECK(evaluation.at("dropped_fraction") == again.dropped_fraction);
    CHECK(evaluation.at("decoder/layers/1/dropped_fraction") ==
          again.router.back().dropped_fraction);
    CHECK(evaluation.at("target_tokens") == static_cast<double>(again.target_tokens));
  }
}

TEST_CASE("trainer: every number of a run is the plainly written one", "[trainer]") {
  const WithoutLaunchBlocking as_in_a_run;
  const int model = GENERATE(1, 2);
  if (model > test_world().size()) return;
  const std::string folder = make_text();
  RunConfig config = run_config(folder, name_of(test_backend()));
  config.mesh.model = model;
  {
    Runtime runtime(config, test_world(), test_resources());
    Trainer trainer(runtime, config, "none");
    CHECK(trainer.run() == ExitCode::done);
  }
  if (test_world().rank() == 0) check_run(config);
  test_world().barrier("the run is checked");
}

// The examples of a single pass over the validation text.
std::vector<Example> validation_once(Session& session) {
  DataSection data = session.config.data;
  data.shuffle_buffer = data.example_buffer = 1;
  LoaderPlace place = session.loader_place(session.config.train.eval_sequences);
  place.single_pass = true;
  Loader loader(data, data.validation, place, static_cast<uint64_t>(session.config.run.seed),
                session.tokenizer);
  std::vector<Example> examples = loader.next();
  std::erase_if(examples, [](const Example& example) { return example.inputs.empty(); });
  return examples;
}

TEST_CASE("trainer: an evaluation reads a short text once, and says how many sequences it has",
          "[trainer]") {
  if (test_world().rank() != 0) return;
  const std::string folder = temporary_folder();
  write_file(folder + "/train.0.json.gz", gzip(records(60, 1)));
  write_file(folder + "/short.json.gz", gzip(records(6, 3)));
  write_file(folder + "/small.model", read_file(small_model()));
  RunConfig config = run_config(folder, "cpu");
  config.data.validation = {folder + "/short.json.gz"};
  config.train.eval_sequences = 400;
  AloneAtStart alone(config, true);
  const std::vector<Example> once = validation_once(alone.session);
  REQUIRE(once.size() < 100);
  const std::vector<Corpus> text = find_corpora(config.data, Split::validation);
  const Evaluation found = Evaluator(alone.session, text, 400).run();
  CHECK(found.sequences == std::ssize(once));
  CHECK(found.target_tokens == tokens_of(once).target);
  CHECK(std::isfinite(found.loss));
  // All that is asked for is there, though not in every stream.
  const int64_t asked = std::ssize(once) / 4 * 4;
  std::vector<int64_t> by_stream(4, 0);
  for (const Example& example : once) ++by_stream[static_cast<size_t>(example.stream)];
  REQUIRE(*std::min_element(by_stream.begin(), by_stream.end()) < asked / 4);
  CHECK(Evaluator(alone.session, text, asked).run().sequences == asked);
  write_file(folder + "/short.json.gz", gzip(record("")));
  CHECK_THROWS_AS(Evaluator(alone.session, text, 400), DataError);
}

// A corpus has the loss of its shards alone, and all of them the mean of these, however much text
// each has.
TEST_CASE("trainer: an evaluation of corpora has the loss of each", "[trainer]") {
  if (test_world().rank() != 0) return;
  const std::string folder = temporary_folder();
  write_file(folder + "/a.json.gz", gzip(records(60, 1)));
  write_file(folder + "/b.json.gz", gzip(records(8, 3)));
  write_file(folder + "/small.model", read_file(small_model()));
  RunConfig config = run_config(folder, "cpu");
  const std::vector<std::string> shards{folder + "/a.json.gz", folder + "/b.json.gz"};
  config.data.corpora = {{"a", {shards[0]}, {shards[0]}, {}, {}},
                         {"none", {shards[0]}, {}, {}, {}},
                         {"b", {shards[1]}, {shards[1]}, {}, {}}};
  AloneAtStart alone(config, true);
  const std::vector<Corpus> corpora = find_corpora(config.data, Split::validation);
  const Evaluation found = Evaluator(alone.session, corpora, 40).run();
  const auto alone_on = [&](const std::string& shard) {
    return Evaluator(alone.session, std::vector<Corpus>{{"", {shard}}}, 40).run();
  };
  const Evaluation a = alone_on(shards[0]), b = alone_on(shards[1]);
  REQUIRE(found.corpora.size() == 2);
  CHECK(found.corpora[0].corpus == "a");
  CHECK(found.corpora[1].corpus == "b");
  CHECK(found.corpora[0].loss == Approx(a.loss).epsilon(1e-12));
  CHECK(found.corpora[1].loss == Approx(b.loss).epsilon(1e-12));
  CHECK(found.loss == Approx((a.loss + b.loss) / 2).epsilon(1e-12));
  REQUIRE(a.target_tokens != b.target_tokens);
  CHECK(found.target_tokens == a.target_tokens + b.target_tokens);
  CHECK(found.sequences == a.sequences + b.sequences);
  CHECK(a.corpora.empty());
  config.data.corpora.resize(2);
  config.data.corpora.erase(config.data.corpora.begin());
  CHECK_THROWS_AS(Evaluator(alone.session, find_corpora(config.data, Split::validation), 40),
                  DataError);
}

// 2 m n k per GEMM, and as much again for each of the two GEMMs of its backward.
TEST_CASE("trainer: MFU is the formula's FLOPs over seconds and peak", "[trainer]") {
  if (test_world().rank() != 0) return;
  const std::string folder = temporary_folder();
  const AloneSession alone(parse_config(kTiny, "tiny", {"model.experts.count=0"}), true, false);
  const Session& session = alone.session;
  RunLog log(folder, session, 0, 3e9);
  TrainMetrics metrics;
  metrics.step = 1;
  metrics.step_seconds = 0.25;
  const auto [le, ld] = GENERATE(std::pair(32.0, 9.0), std::pair(24.0, 8.0));
  log.train(metrics, {static_cast<int64_t>(le), static_cast<int64_t>(ld)});
  const double d = 32, inner = 32, ff = 64, vocab = 256, batch = 16;
  const auto attention = [&](double queries, double keys) {
    return 2 * (2 * queries * d * inner + 2 * keys * d * inner + 2 * queries * keys * inner);
  };
  const auto feed_forward = [&](double tokens) { return 2 * (2 * tokens * d * ff); };
  const double forward = 2 * (attention(le, le) + feed_forward(le)) +
                         2 * (attention(ld, ld) + attention(ld, le) + feed_forward(ld)) +
                         2 * ld * d * vocab;
  const Line line = read_metrics(folder + "/metrics.jsonl").at("train").at(1);
  CHECK(line.at("mfu") == Approx(batch * 3 * forward / 0.25 / 3e9).epsilon(1e-12));
}

}  // namespace
}  // namespace sy
