// SPDX-License-Identifier: Apache-2.0
// Span corruption over a document stream: each window of text becomes one example of full length.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/span_plan.h"
#include "lib/data/example_source.h"
#include "lib/data/window_stream.h"

namespace sy {

// How text is turned into examples.
struct SpanCorruptionPlan {
  WindowOptions windows;
  double noise_density = 0.15;
  double mean_noise_span = 3.0;
  uint64_t seed = 0;
  LoaderPlace place;
};

// The plan of the configuration, with `auto` lengths derived. Throws ConfigError if the windows
// make sequences longer than configured or need more sentinels than the tokenizer has.
SpanCorruptionPlan make_span_corruption_plan(const DataSection& data, const LoaderPlace& place,
                                             uint64_t seed, const Tokenizer& tokenizer);

class SpanCorruptionSource : public ExampleSource {
 public:
  // `sources` and `plan` must outlive it.
  SpanCorruptionSource(const DocumentSources& sources, const SpanCorruptionPlan& plan,
                       int64_t stream);

  void next(Example& example) override;
  StreamState state() const override;
  void take_step(StreamStep& step) override;
  void restore(const StreamState& state) override;

 private:
  const Tokenizer& tokenizer_;
  const SpanCorruptionPlan& plan_;
  int64_t stream_;
  WindowStream windows_;
  int64_t examples_ = 0;
};

class SpanCorruptionSources : public ExampleSources {
 public:
  // As make_example_sources().
  SpanCorruptionSources(const DataSection& data, const std::vector<std::string>& shards,
                        const LoaderPlace& place, uint64_t seed,
                        std::shared_ptr<const Tokenizer> tokenizer);

  std::unique_ptr<ExampleSource> open(int64_t stream) override;
  DataCounters counters() const override;
  void cancel() override { cancelled_ = true; }

 private:
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const SpanCorruptionPlan plan_;
  Ledger ledger_;
  const ShardList shards_;
  ShardHealth health_;
  ShardCache cache_{size_t{32} << 20};
  std::atomic<bool> cancelled_{false};
  const DocumentSources sources_;
};

}  // namespace sy
