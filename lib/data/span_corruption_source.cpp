// SPDX-License-Identifier: Apache-2.0
#include "lib/data/span_corruption_source.h"

#include <algorithm>
#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/data/span_corruption.h"
#include "lib/data/text/byte_source.h"

namespace sy {
namespace {

// The name of the source in a checkpoint.
constexpr const char* kKind = "span_corruption";

void check_plan(const SpanPlan& plan, const DataSection& data, int64_t sentinels) {
  const int64_t window = plan.window_tokens;
  if (plan.spans < 1 || plan.spans > plan.kept_tokens) {
    throw ConfigError(fmt::format(
        "data.noise_density {} and data.mean_noise_span {} do not fit windows of {} tokens: {} "
        "masked "
        "spans need as many other tokens between them, and there are {}; change them",
        data.noise_density, data.mean_noise_span, window, plan.spans, plan.kept_tokens));
  }
  if (plan.spans > sentinels) {
    throw ConfigError(fmt::format(
        "a window of {} tokens has {} masked spans, more than the tokenizer's {} sentinels; raise "
        "data.extra_ids or data.mean_noise_span",
        window, plan.spans, sentinels));
  }
  const int64_t decoder_length =
      data.decoder_length.is_auto ? plan.decoder_length : data.decoder_length.value;
  if (plan.inputs > data.encoder_length || plan.targets > decoder_length) {
    throw ConfigError(
        fmt::format("a window of {} tokens makes inputs of {} and targets of {}, longer than "
                    "data.encoder_length {} or data.decoder_length {}; set data.window_tokens and "
                    "data.decoder_length to auto",
                    window, plan.inputs, plan.targets, data.encoder_length, decoder_length));
  }
}

// Under `fail`, checks that every shard can be opened.
std::vector<std::string> checked(std::vector<std::string> shards, BadRecordPolicy policy) {
  for (const std::string& shard : shards) {
    if (policy != BadRecordPolicy::fail) break;
    try {
      open_shard(shard);
    } catch (const ShardFault& fault) {
      throw DataError(
          fmt::format("the shard {} {}; mend it, correct data.train or data.validation, or set "
                      "data.on_bad_record: skip",
                      shard, fault.what()));
    }
  }
  return shards;
}

}  // namespace

SpanCorruptionPlan make_span_corruption_plan(const DataSection& data, const LoaderPlace& place,
                                             uint64_t seed, const Tokenizer& tokenizer) {
  const SpanPlan lengths =
      data.window_tokens.is_auto
          ? span_plan(data.encoder_length, data.noise_density, data.mean_noise_span)
          : window_plan(data.window_tokens.value, data.noise_density, data.mean_noise_span);
  check_plan(lengths, data, tokenizer.sentinels());
  SpanCorruptionPlan plan;
  plan.windows.window_tokens = lengths.window_tokens;
  plan.windows.separator = data.document_separator;
  plan.windows.eos = tokenizer.eos();
  plan.windows.shuffle_buffer = narrow<size_t>(std::max<int64_t>(data.shuffle_buffer, 1));
  plan.windows.single_pass = place.single_pass;
  plan.windows.example_buffer = narrow<size_t>(std::max<int64_t>(data.example_buffer, 1));
  plan.noise_density = data.noise_density;
  plan.mean_noise_span = data.mean_noise_span;
  plan.seed = seed;
  plan.place = place;
  return plan;
}

SpanCorruptionSource::SpanCorruptionSource(const DocumentSources& sources,
                                           const SpanCorruptionPlan& plan, int64_t stream)
    : tokenizer_(sources.tokenizer),
      plan_(plan),
      stream_(stream),
      windows_(sources, plan.windows, stream) {}

void SpanCorruptionSource::next(Example& example) {
  const Document tokens = windows_.next();
  example.stream = stream_;
  example.index = plan_.place.example_index(stream_, examples_++);
  example.inputs.clear();
  example.targets.clear();
  if (tokens == nullptr) return;
  const std::span<const int32_t> window(*tokens);
  const std::vector<uint8_t> mask =
      noise_mask(std::ssize(window), plan_.noise_density, plan_.mean_noise_span, plan_.seed,
                 static_cast<uint64_t>(example.index));
  noise_span_to_unique_sentinel(example.inputs, window, mask, tokenizer_.sentinel_ids());
  nonnoise_span_to_unique_sentinel(example.targets, window, mask, tokenizer_.sentinel_ids());
  example.inputs.push_back(tokenizer_.eos());
  example.targets.push_back(tokenizer_.eos());
}

StreamState SpanCorruptionSource::state() const {
  StreamState state;
  state.kind = kKind;
  state.stream = stream_;
  state.examples = examples_;
  windows_.save(state);
  return state;
}

void SpanCorruptionSource::take_step(StreamStep& step) {
  step.examples = examples_;
  step.parts.clear();
  windows_.take_step(step);
}

void SpanCorruptionSource::restore(const StreamState& state) {
  check_kind(state, kKind, WindowStream::kNumbers, WindowStream::kBuffers, 0);
  check_pieces(state, tokenizer_.size());
  windows_.restore(state);
  examples_ = state.examples;
}

SpanCorruptionSources::SpanCorruptionSources(const DataSection& data,
                                             const std::vector<std::string>& shards,
                                             const LoaderPlace& place, uint64_t seed,
                                             std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)),
      plan_(make_span_corruption_plan(data, place, seed, *tokenizer_)),
      ledger_(data.on_bad_record),
      shards_(checked(shards, data.on_bad_record), place.total_streams, seed),
      health_(shards_, data.max_bad_shards),
      sources_{shards_,    *tokenizer_, ledger_,       health_,
               cache_,     seed,        data.text_key, data.max_document_bytes,
               &cancelled_} {
  health_.probe();
}

DataCounters SpanCorruptionSources::counters() const {
  DataCounters counters = ledger_.counters();
  counters.shards = std::ssize(shards_.shards());
  counters.lost_shards = health_.lost();
  return counters;
}

std::unique_ptr<ExampleSource> SpanCorruptionSources::open(int64_t stream) {
  return std::make_unique<SpanCorruptionSource>(sources_, plan_, stream);
}

std::unique_ptr<ExampleSources> make_example_sources(const DataSection& data,
                                                     const std::vector<std::string>& shards,
                                                     const LoaderPlace& place, uint64_t seed,
                                                     std::shared_ptr<const Tokenizer> tokenizer) {
  return std::make_unique<SpanCorruptionSources>(data, shards, place, seed, std::move(tokenizer));
}

}  // namespace sy
