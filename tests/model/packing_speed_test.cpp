// SPDX-License-Identifier: Apache-2.0
// Not run by default: `packing_tests "[packing-speed]"`, on one rank and its one thread, whose CPU
// time is taken, so that other work on the machine counts little.
#include <catch2/catch.hpp>
#include <cmath>
#include <ctime>

#include "lib/base/numeric.h"
#include "lib/data/batcher.h"
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

// Forward and backward of batches of a source.
class Contestant {
 public:
  Contestant(const ModelSection& section, DType dtype, bool packs)
      : model_(section, {kRows, kInputs, kTargets}, dtype, /*training=*/true, /*threads=*/1),
        builder_(*model_.exec, 1, {kRows, {kInputs, kTargets}, kPadId, kPadId, packs}) {
    std::unique_ptr<ExampleSources> sources = std::make_unique<SquadLikes>();
    if (packs) sources = pack_sources(std::move(sources), {}, {kInputs, kTargets});
    source_ = sources->open(0);
  }

  // Tokens a second of one batch, padding not counted.
  double rate() {
    int64_t tokens = 0;
    for (Example& example : examples_) {
      source_->next(example);
      tokens += std::ssize(example.inputs) + std::ssize(example.targets);
    }
    fill_batch(builder_.host(0), examples_, 0);
    builder_.send();
    const std::clock_t begin = std::clock();
    model_.model.forward(*model_.exec, builder_.sent(0), model_.step);
    model_.model.backward(*model_.exec, builder_.sent(0), model_.step);
    const double spent = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    return static_cast<double>(tokens) / spent;
  }

 private:
  ModelFixture model_;
  BatchBuilder builder_;
  std::unique_ptr<ExampleSource> source_;
  std::vector<Example> examples_ = std::vector<Example>(kRows);
};

TEST_CASE("packing: rate beside padded rows", "[.][packing-speed]") {
  ModelSection section;
  section.vocab_size = {false, kVocab};
  section.d_model = 256;
  section.d_kv = 32;
  section.num_heads = 8;
  section.d_ff = 1024;
  section.encoder_layers = section.decoder_layers = 2;
  section.experts.count = GENERATE(0, 8);
  const DType dtype = GENERATE(DType::f32, DType::bf16);
  Contestant padded(section, dtype, false), packed(section, dtype, true);
  padded.rate();
  packed.rate();
  std::vector<double> of_padded, of_packed, ratios;
  for (int round = 0; round < 9; ++round) {
    of_padded.push_back(padded.rate());
    of_packed.push_back(packed.rate());
    ratios.push_back(of_packed.back() / of_padded.back());
  }
  WARN(name_of(dtype) << ", " << section.experts.count << " experts: padded " << median(of_padded)
                      << " tokens/s, packed " << median(of_packed) << ", ratio " << median(ratios));
}

}  // namespace
}  // namespace sy
