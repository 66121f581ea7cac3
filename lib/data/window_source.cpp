// SPDX-License-Identifier: Apache-2.0
#include "lib/data/window_source.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/data/text/byte_source.h"

namespace sy {
namespace {

// The name of the source in a checkpoint.
const char* kind_of(Objective objective) {
  switch (objective) {
    case Objective::span_corruption:
      return "span_corruption";
    case Objective::prefix_lm:
      return "prefix_lm";
    case Objective::next_token:
      return "next_token";
    case Objective::ul2:
      break;
  }
  return "ul2";
}

// Under `fail`, checks that every shard can be opened.
std::vector<std::string> checked(std::vector<std::string> shards, BadRecordPolicy policy) {
  for (const std::string& shard : shards) {
    if (policy != BadRecordPolicy::fail) break;
    try {
      open_shard(shard);
    } catch (const ShardFault& fault) {
      throw DataError(
          fmt::format("the shard {} {}; mend it, correct the pattern that matches it, or set "
                      "data.on_bad_record: skip",
                      shard, fault.what()));
    }
  }
  return shards;
}

}  // namespace

WindowPlan make_window_plan(const DataSection& data, const LoaderPlace& place, uint64_t seed,
                            const Tokenizer& tokenizer) {
  const ObjectiveOptions options = objective_options(data);
  const std::vector<std::string> faults = find_objective_faults(options, tokenizer.sentinels());
  if (!faults.empty()) throw ConfigError(fmt::format("{}", fmt::join(faults, "\n")));
  WindowOptions windows;
  windows.window_tokens = objective_lengths(options).window_tokens;
  windows.separator = data.document_separator;
  windows.eos = tokenizer.eos();
  windows.shuffle_buffer = narrow<size_t>(std::max<int64_t>(data.shuffle_buffer, 1));
  windows.single_pass = place.single_pass;
  windows.example_buffer = narrow<size_t>(std::max<int64_t>(data.example_buffer, 1));
  return {kind_of(data.objective), windows, place, DenoiserMixture(options, tokenizer, seed)};
}

WindowSource::WindowSource(const DocumentSources& sources, const WindowPlan& plan, int64_t stream)
    : tokenizer_(sources.tokenizer),
      plan_(plan),
      stream_(stream),
      windows_(sources, plan.windows, stream) {}

void WindowSource::next(Example& example) {
  const Document tokens = windows_.next();
  example.stream = stream_;
  example.index = plan_.place.example_index(stream_, examples_++);
  if (tokens != nullptr) {
    plan_.denoisers.make(example, *tokens);
  } else {
    example.inputs.clear();
    example.targets.clear();
  }
}

StreamState WindowSource::state() const {
  StreamState state;
  state.kind = plan_.kind;
  state.stream = stream_;
  state.examples = examples_;
  windows_.save(state);
  return state;
}

void WindowSource::take_step(StreamStep& step) {
  step.examples = examples_;
  step.parts.clear();
  windows_.take_step(step);
}

void WindowSource::restore(const StreamState& state) {
  check_kind(state, plan_.kind, WindowStream::kNumbers, WindowStream::kBuffers, 0);
  check_pieces(state, tokenizer_.size());
  windows_.restore(state);
  examples_ = state.examples;
}

WindowSources::WindowSources(const DataSection& data, const std::vector<std::string>& shards,
                             const LoaderPlace& place, uint64_t seed,
                             std::shared_ptr<const Tokenizer> tokenizer, size_t cache_bytes)
    : tokenizer_(std::move(tokenizer)),
      plan_(make_window_plan(data, place, seed, *tokenizer_)),
      ledger_(data.on_bad_record),
      shards_(checked(shards, data.on_bad_record), place.total_streams, seed),
      health_(shards_, data.max_bad_shards),
      cache_(cache_bytes),
      sources_{shards_,     *tokenizer_,   ledger_,
               health_,     cache_,        seed,
               data.format, data.text_key, data.max_document_bytes,
               &cancelled_} {
  health_.probe();
}

DataCounters WindowSources::counters() const {
  DataCounters counters = ledger_.counters();
  counters.shards = std::ssize(shards_.shards());
  counters.lost_shards = health_.lost();
  return counters;
}

std::unique_ptr<ExampleSource> WindowSources::open(int64_t stream) {
  return std::make_unique<WindowSource>(sources_, plan_, stream);
}

std::unique_ptr<ExampleSources> make_example_sources(const DataSection& data,
                                                     const std::vector<std::string>& shards,
                                                     const LoaderPlace& place, uint64_t seed,
                                                     std::shared_ptr<const Tokenizer> tokenizer) {
  return std::make_unique<WindowSources>(data, shards, place, seed, std::move(tokenizer));
}

}  // namespace sy
