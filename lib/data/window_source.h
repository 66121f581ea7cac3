// SPDX-License-Identifier: Apache-2.0
// Examples made of windows of text: each window becomes one example, by the objective's denoisers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/data/denoise.h"
#include "lib/data/example_source.h"
#include "lib/data/window_stream.h"

namespace sy {

// How text is turned into examples.
struct WindowPlan {
  std::string kind;  // name of the source in a checkpoint
  WindowOptions windows;
  LoaderPlace place;
  DenoiserMixture denoisers;
};

// The plan of the configuration, with `auto` lengths derived. `tokenizer` must outlive it. Throws
// ConfigError if the windows make sequences longer than configured, or need a mode token or more
// sentinels than the tokenizer has.
WindowPlan make_window_plan(const DataSection& data, const LoaderPlace& place, uint64_t seed,
                            const Tokenizer& tokenizer);

class WindowSource : public ExampleSource {
 public:
  // `sources` and `plan` must outlive it.
  WindowSource(const DocumentSources& sources, const WindowPlan& plan, int64_t stream);

  void next(Example& example) override;
  StreamState state() const override;
  void take_step(StreamStep& step) override;
  void restore(const StreamState& state) override;

 private:
  const Tokenizer& tokenizer_;
  const WindowPlan& plan_;
  int64_t stream_;
  WindowStream windows_;
  int64_t examples_ = 0;
};

class WindowSources : public ExampleSources {
 public:
  static constexpr size_t kCacheBytes = size_t{32} << 20;

  // As make_example_sources(), with `cache_bytes` for small shards (ShardCache).
  WindowSources(const DataSection& data, const std::vector<std::string>& shards,
                const LoaderPlace& place, uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer,
                size_t cache_bytes = kCacheBytes);

  std::unique_ptr<ExampleSource> open(int64_t stream) override;
  DataCounters counters() const override;
  void cancel() override { cancelled_ = true; }

 private:
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const WindowPlan plan_;
  Ledger ledger_;
  const ShardList shards_;
  ShardHealth health_;
  ShardCache cache_;
  std::atomic<bool> cancelled_{false};
  const DocumentSources sources_;
};

}  // namespace sy
