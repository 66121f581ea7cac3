// SPDX-License-Identifier: Apache-2.0
// Incremental decoding compared with the full forward pass.
#include "lib/model/decode.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 9, kDecoderLength = 7;
const std::vector<int32_t> kEncoderLengths{9, 4, 1, 7};

double element(Tensor x, int64_t i) {
  return x.dtype() == DType::f64 ? x.data<double>()[i] : static_cast<double>(x.data<float>()[i]);
}

double tolerance(DType dtype) {
  if (dtype == DType::bf16) return 0.02;  // same sums of rounded numbers
  return dtype == DType::f64 ? 1e-12 : 1e-5;
}

// A model for incremental decoding, and one whose decoder processes whole sequences. `whole` may
// differ from `section` in its capacity.
struct Pair {
  ModelFixture full;
  Exec exec;
  SwitchModel model;
  Decoder decoder;

  Pair(const ModelSection& section, const ModelSection& whole, DType dtype, int64_t rows)
      : full(whole, {rows, kEncoderLength, kDecoderLength}, dtype, false),
        model(section, {4, kEncoderLength, 0}, full.mesh, dtype, false),
        decoder(model, {4, rows, kEncoderLength, kDecoderLength}) {
    use_test_backend(exec);
    exec.threads = 2;
    decoder.allocate(exec);
    randomize(full.model.params(), 23);
    randomize(model.params(), 23);
    full.model.params().update_compute(*full.exec);
    model.params().update_compute(exec);
    full.step.training = false;
  }

  void begin(const OwnedBatch& batch) {
    decoder.begin(exec, model.encode(exec, batch.batch(), full.step));
  }

  // The largest difference between row `row` of `logits` and those of the full pass at `position`,
  // relative to the largest of the latter.
  double difference(const Batch& batch, int64_t position, Tensor logits) {
    Owned expected(logits.dtype(), {batch.streams[kEncoder].ids.dim(0), logits.dim(1)});
    full.model.logits_at(*full.exec, batch, full.step, position, expected);
    double worst = 0, largest = 1e-3;
    for (int64_t i = 0; i < logits.numel(); ++i) {
      largest = std::max(largest, std::abs(element(expected, i)));
      const double difference = std::abs(element(logits, i) - element(expected, i));
      worst = difference >= 0 ? std::max(worst, difference) : INFINITY;
    }
    return worst / largest;
  }
};

// Every position of a batch of different lengths.
void compare_positions(const ModelSection& section, const ModelSection& whole, DType dtype) {
  Pair pair(section, whole, dtype, 4);
  const OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                         {7, 7, 7, 7});
  for (int64_t sequences : {4, 3}) {  // begin() again, with fewer
    const Batch part = batch.slice(0, sequences);
    pair.decoder.begin(pair.exec, pair.model.encode(pair.exec, part, pair.full.step));
    for (int64_t t = 0; t < kDecoderLength; ++t) {
      std::vector<int32_t> ids;
      for (int64_t b = 0; b < sequences; ++b) {
        ids.push_back(part.streams[kDecoder].ids.data<int32_t>()[b * kDecoderLength + t]);
      }
      const Tensor logits = pair.decoder.step(pair.exec, ids);
      CAPTURE(sequences, t);
      CHECK(pair.difference(part, t, logits) < tolerance(dtype));
    }
  }
}

TEST_CASE("decode: dense, every position", "[decode]") {
  ModelSection section = tiny_model();
  section.activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  section.tie_embeddings = GENERATE(true, false);
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::bf16);
  compare_positions(section, section, dtype);
}

TEST_CASE("decode: sparse, every position", "[decode]") {
  ModelSection section = tiny_model();
  section.experts.count = 3;
  section.experts.interval = GENERATE(1, 2);
  section.experts.capacity = CapacityMode::dropless;
  section.activation = GENERATE(Activation::relu, Activation::geglu);
  section.tie_embeddings = GENERATE(true, false);
  const DType dtype = GENERATE(DType::f32, DType::f64);
  compare_positions(section, section, dtype);
}

TEST_CASE("decode: the decoder drops nothing, whatever the capacity", "[decode]") {
  ModelSection section = tiny_model(), whole;
  section.experts.count = 3;
  section.experts.capacity = CapacityMode::fixed;
  section.experts.fixed_capacity = 1;
  section.encoder_layers = 1;  // dense: only the second layer of a stack is sparse
  whole = section;
  whole.experts.capacity = CapacityMode::dropless;
  compare_positions(section, whole, DType::f64);
}

TEST_CASE("decode: the decoder keeps every second expert, whatever is drawn", "[decode]") {
  ModelSection section = tiny_model(), whole;
  section.experts.count = 3;
  section.experts.top_k = 2;
  section.experts.capacity = CapacityMode::dropless;
  section.encoder_layers = 1;  // dense: only the second layer of a stack is sparse
  section.experts.second_threshold = 0.9;
  whole = section;
  whole.experts.second_policy = SecondPolicy::all;
  compare_positions(section, whole, DType::f64);
}

TEST_CASE("decode: experts in attention, every position", "[decode]") {
  ModelSection section = tiny_model();
  section.experts.count = 3;
  section.experts.capacity = CapacityMode::dropless;
  section.experts.attention = {{}, {false, {0, 1}}};
  section.experts.attention_form = GENERATE(AttentionForm::ffn, AttentionForm::linear);
  compare_positions(section, section, DType::f64);
}

TEST_CASE("decode: experts by a hash of the token", "[decode]") {
  ModelSection section = tiny_model();
  section.experts.count = 3;
  section.experts.capacity = CapacityMode::dropless;
  section.experts.routing = Routing::hash;
  compare_positions(section, section, DType::f64);
}

TEST_CASE("decode: an expert that all tokens share", "[decode]") {
  ModelSection section = tiny_model();
  section.experts.count = 3;
  section.experts.capacity = CapacityMode::dropless;
  section.experts.shared_expert = 5;
  compare_positions(section, section, DType::f64);
}

TEST_CASE("decode: where no expert is full, no token moves on", "[decode]") {
  ModelSection section = tiny_model();
  section.experts.count = 5;
  section.experts.routing = Routing::no_token_left_behind;
  section.experts.capacity = CapacityMode::fixed;
  section.experts.fixed_capacity = 1000;
  compare_positions(section, section, DType::f64);
}

TEST_CASE("decode: the decoder draws no expert", "[decode]") {
  ModelSection section = tiny_model(), whole;
  section.experts.count = 3;
  section.experts.capacity = CapacityMode::dropless;
  section.encoder_layers = 1;
  whole = section;
  section.experts.eval_exploration = EvalExploration::sample;
  compare_positions(section, whole, DType::f64);
}

TEST_CASE("decode: the encoder keeps its capacity", "[decode]") {
  ModelSection section = tiny_model();
  section.experts.count = 3;
  section.experts.capacity = CapacityMode::fixed;
  section.experts.fixed_capacity = 1;
  section.experts.group_sequences = 1;
  section.decoder_layers = 1;
  compare_positions(section, section, DType::f64);
}

// The selected sequences: prompts and tokens.
struct Histories {
  std::vector<int64_t> prompt;
  std::vector<std::vector<int32_t>> ids;

  void select(const std::vector<int32_t>& parents) {
    Histories next;
    for (const int32_t parent : parents) {
      next.prompt.push_back(prompt[static_cast<size_t>(parent)]);
      next.ids.push_back(ids[static_cast<size_t>(parent)]);
    }
    *this = next;
  }
};

// The histories as a batch for the full pass.
class HistoryBatch {
 public:
  HistoryBatch(const OwnedBatch& prompts, const Histories& histories)
      : batch_(kEncoderLength, kDecoderLength, 13,
               std::vector<int32_t>(histories.ids.size(), kEncoderLength),
               std::vector<int32_t>(histories.ids.size(), kDecoderLength)) {
    const Batch &from = prompts.batch(), &to = batch_.batch();
    for (size_t i = 0; i < histories.ids.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      const auto copy_row = [&](Tensor out, Tensor in, int64_t width) {
        std::copy_n(in.data<int32_t>() + histories.prompt[i] * width, width,
                    out.data<int32_t>() + row * width);
      };
      copy_row(to.streams[kEncoder].ids, from.streams[kEncoder].ids, kEncoderLength);
      copy_row(to.streams[kEncoder].valid, from.streams[kEncoder].valid, kEncoderLength);
      copy_row(to.streams[kEncoder].lengths, from.streams[kEncoder].lengths, 1);
      std::copy(histories.ids[i].begin(), histories.ids[i].end(),
                to.streams[kDecoder].ids.data<int32_t>() + row * kDecoderLength);
    }
  }
  const Batch& batch() const { return batch_.batch(); }

 private:
  OwnedBatch batch_;
};

TEST_CASE("decode: sequences go on from any other", "[decode]") {
  ModelSection section = tiny_model();
  section.experts.count = GENERATE(0, 3);
  section.experts.capacity = CapacityMode::dropless;
  constexpr int64_t kRows = 11;
  Pair pair(section, section, DType::f64, kRows);
  const OwnedBatch prompts(kEncoderLength, kDecoderLength, 13, kEncoderLengths, {7, 7, 7, 7});
  pair.begin(prompts);
  Histories histories{{0, 1, 2, 3}, {{}, {}, {}, {}}};
  // Up to all rows, rearranged, doubled, and down to one.
  const std::vector<std::vector<int32_t>> choices{{},
                                                  {0, 0, 1, 3, 3, 3, 2, 1, 0, 2, 2},
                                                  {10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
                                                  {4, 4, 0, 1, 10, 10, 2, 3, 3},
                                                  {8, 1, 1, 5, 6},
                                                  {},
                                                  {3}};
  for (int64_t t = 0; t < kDecoderLength; ++t) {
    const std::vector<int32_t>& parents = choices[static_cast<size_t>(t)];
    if (!parents.empty()) {
      pair.decoder.select(parents);
      histories.select(parents);
    }
    std::vector<int32_t> ids;
    for (size_t i = 0; i < histories.ids.size(); ++i) {
      const RandomKey key{5, static_cast<uint32_t>(t), 1};
      ids.push_back(t == 0 ? 0 : static_cast<int32_t>(random_below(key, i, 13)));
      histories.ids[i].push_back(ids.back());
    }
    CHECK(pair.decoder.sequences() == static_cast<int64_t>(ids.size()));
    const Tensor logits = pair.decoder.step(pair.exec, ids);
    CAPTURE(t);
    CHECK(pair.difference(HistoryBatch(prompts, histories).batch(), t, logits) < 1e-12);
  }
}

TEST_CASE("decode: more than was planned is refused", "[decode]") {
  const ModelSection section = tiny_model();
  Pair pair(section, section, DType::f32, 4);
  const OwnedBatch prompts(kEncoderLength, kDecoderLength, 13, kEncoderLengths, {7, 7, 7, 7});
  pair.begin(prompts);
  const std::vector<int32_t> ids(4, 0), few(3, 0), too_many(5, 0), unknown{0, 4};
  CHECK_THROWS_AS(pair.decoder.step(pair.exec, few), InternalError);
  CHECK_THROWS_AS(pair.decoder.select(too_many), InternalError);
  CHECK_THROWS_AS(pair.decoder.select(unknown), InternalError);
  for (int64_t t = 0; t < kDecoderLength; ++t) pair.decoder.step(pair.exec, ids);
  CHECK_THROWS_AS(pair.decoder.step(pair.exec, ids), InternalError);
  CHECK_THROWS_AS(Decoder(pair.model, {5, 5, kEncoderLength, 3}), InternalError);
}

}  // namespace
}  // namespace sy
