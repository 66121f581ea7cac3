// SPDX-License-Identifier: Apache-2.0
// Not run by default: `packing_tests "[packing-speed]"`, on one rank and its one thread, whose CPU
// time is taken, so that other work on the machine counts little; and "[packing-share]", how much
// of bucketed rows is tokens.
#include <catch2/catch.hpp>
#include <cmath>
#include <ctime>

#include "lib/base/numeric.h"
#include "lib/data/batcher.h"
#include "lib/data/bucket_source.h"
#include "lib/data/packed_source.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kInputs = 512, kTargets = 97, kRows = 2, kVocab = 2048;

// Examples of SQuAD's lengths in T5's pieces: questions with their paragraphs, and short answers.
class SquadLike : public ExampleSource {
 public:
  void next(Example& example) override {
    example.inputs.assign(static_cast<size_t>(std::min(512.0, 210 * std::exp(0.38 * normal()))), 5);
    example.targets.assign(static_cast<size_t>(std::min(97.0, 2 + 3 * std::exp(0.6 * normal()))),
                           6);
  }
  StreamState state() const override { return {}; }
  void take_step(StreamStep&) override {}
  void restore(const StreamState&) override {}

 private:
  double uniform() { return (1 + random_below({3, 0, 1}, draw_++, 1 << 20)) / (1.0 + (1 << 20)); }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  uint64_t draw_ = 0;
};

class SquadLikes : public ExampleSources {
 public:
  std::unique_ptr<ExampleSource> open(int64_t) override { return std::make_unique<SquadLike>(); }
  DataCounters counters() const override { return {}; }
  void cancel() override {}
};

enum class Rows : uint8_t { padded, bucketed, packed };

constexpr int64_t kWindow = 32;  // batches
constexpr ExampleLengths kLongest{kInputs, kTargets};

std::array<StepLengths, kStreams> bucket_lengths(int64_t batches) {
  RunConfig config;
  config.data.bucket_batches = batches;
  config.data.encoder_length = kInputs;
  config.data.decoder_length = {false, kTargets};
  return step_lengths(config);
}

ModelShape shape_of(Rows rows) {
  ModelShape shape{kRows, kInputs, kTargets};
  if (rows != Rows::bucketed) return shape;
  const auto [inputs, targets] = bucket_lengths(kWindow);
  shape.encoder_unit = inputs.unit;
  shape.decoder_unit = targets.unit;
  return shape;
}

// Forward and backward of batches of a source.
class Contestant {
 public:
  Contestant(const ModelSection& section, DType dtype, Rows rows)
      : model_(section, shape_of(rows), dtype, /*training=*/true, /*threads=*/1),
        builder_(*model_.exec, 1,
                 {kRows, {kInputs, kTargets}, kPadId, kPadId, rows == Rows::packed}),
        sources_(std::make_unique<SquadLikes>()) {
    LoaderPlace place;
    place.examples_per_stream = kRows;
    if (rows == Rows::packed) sources_ = pack_sources(std::move(sources_), place, kLongest);
    if (rows == Rows::bucketed) {
      sources_ = bucket_sources(std::move(sources_), place, kWindow, 1, kLongest);
    }
    source_ = sources_->open(0);
  }

  // Of `batches` batches: tokens a second of CPU time, padding not counted.
  double rate(int64_t batches) {
    tokens_ = 0;
    seconds_ = 0;
    for (int64_t i = 0; i < batches; ++i) pass();
    return static_cast<double>(tokens_) / seconds_;
  }

 private:
  void pass() {
    int64_t inputs = 0, targets = 0;
    for (Example& example : examples_) {
      source_->next(example);
      tokens_ += std::ssize(example.inputs) + std::ssize(example.targets);
      inputs = std::max<int64_t>(inputs, std::ssize(example.inputs));
      targets = std::max<int64_t>(targets, std::ssize(example.targets));
    }
    const ModelShape& shape = model_.model.shape();
    builder_.set_lengths(
        {shape.lengths(kEncoder).fit(inputs), shape.lengths(kDecoder).fit(targets)});
    fill_batch(builder_.host(0), examples_, 0);
    builder_.send();
    const std::clock_t begin = std::clock();
    model_.model.forward(*model_.exec, builder_.sent(0), model_.step);
    model_.model.backward(*model_.exec, builder_.sent(0), model_.step);
    seconds_ += static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  }

  ModelFixture model_;
  BatchBuilder builder_;
  std::unique_ptr<ExampleSources> sources_;
  std::unique_ptr<ExampleSource> source_;
  int64_t tokens_ = 0;
  double seconds_ = 0;
  std::vector<Example> examples_ = std::vector<Example>(kRows);
};

TEST_CASE("packing: share of tokens in bucketed rows", "[.][packing-share]") {
  LoaderPlace place;
  place.examples_per_stream = 32;  // the whole batch
  const int64_t batches = GENERATE(1, 4, 8, 16, 32, 64);
  const auto sources = bucket_sources(std::make_unique<SquadLikes>(), place, batches, 1, kLongest);
  const auto source = sources->open(0);
  const auto [inputs, targets] = bucket_lengths(batches);
  int64_t tokens = 0, places = 0;
  Example example;
  for (int64_t batch = 0; batch < 640; ++batch) {
    int64_t longest_inputs = 0, longest_targets = 0;
    for (int64_t i = 0; i < place.examples_per_stream; ++i) {
      source->next(example);
      tokens += std::ssize(example.inputs) + std::ssize(example.targets);
      longest_inputs = std::max<int64_t>(longest_inputs, std::ssize(example.inputs));
      longest_targets = std::max<int64_t>(longest_targets, std::ssize(example.targets));
    }
    places +=
        place.examples_per_stream * (inputs.fit(longest_inputs) + targets.fit(longest_targets));
  }
  WARN("bucket_batches " << batches << ": "
                         << 100 * static_cast<double>(tokens) / static_cast<double>(places)
                         << " %");
}

TEST_CASE("packing: rates of packed, bucketed and padded rows", "[.][packing-speed]") {
  ModelSection section;
  section.vocab_size = {false, kVocab};
  section.d_model = 256;
  section.d_kv = 32;
  section.num_heads = 8;
  section.d_ff = 1024;
  section.encoder_layers = section.decoder_layers = 2;
  section.experts.count = GENERATE(0, 8);
  const DType dtype = GENERATE(DType::f32, DType::bf16);
  Contestant padded(section, dtype, Rows::padded), bucketed(section, dtype, Rows::bucketed);
  Contestant packed(section, dtype, Rows::packed);
  for (Contestant* each : {&padded, &bucketed, &packed}) each->rate(1);
  std::vector<double> of_padded, of_bucketed, of_packed, gained, packed_gained;
  for (int round = 0; round < 5; ++round) {
    of_padded.push_back(padded.rate(8));
    of_bucketed.push_back(bucketed.rate(kWindow));  // all classes of length
    of_packed.push_back(packed.rate(4));
    gained.push_back(of_bucketed.back() / of_padded.back());
    packed_gained.push_back(of_packed.back() / of_padded.back());
  }
  WARN(name_of(dtype) << ", " << section.experts.count << " experts: padded " << median(of_padded)
                      << " tokens/s, bucketed " << median(of_bucketed) << " (" << median(gained)
                      << "), packed " << median(of_packed) << " (" << median(packed_gained) << ")");
}

}  // namespace
}  // namespace sy
