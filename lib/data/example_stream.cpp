#include "lib/data/example_stream.h"

#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/data/span_corruption.h"
#include "lib/data/span_lengths.h"

namespace sy {
namespace {

void check_example_plan(const ExamplePlan& plan, const Tokenizer& tokenizer) {
  const SpanCounts counts =
      span_counts(plan.window_tokens, plan.noise_density, plan.mean_noise_span);
  const int64_t window = plan.window_tokens, eos = 1;
  if (counts.spans < 1 || counts.spans > counts.nonnoise) {
    throw ConfigError(fmt::format(
        "data.noise_density {} and data.mean_noise_span {} cannot be had in windows of {} tokens: "
        "{} masked spans among {} other tokens; change them",
        plan.noise_density, plan.mean_noise_span, window, counts.spans, counts.nonnoise));
  }
  if (counts.spans > tokenizer.sentinels()) {
    throw ConfigError(fmt::format(
        "a window of {} tokens has {} masked spans, more than the tokenizer's {} sentinels; raise "
        "data.extra_ids or data.mean_noise_span",
        window, counts.spans, tokenizer.sentinels()));
  }
  const int64_t inputs = counts.nonnoise + counts.spans + eos;
  const int64_t targets = counts.noise + counts.spans + eos;
  if (inputs > plan.encoder_length || targets > plan.decoder_length) {
    throw ConfigError(
        fmt::format("a window of {} tokens makes inputs of {} and targets of {}, longer than "
                    "data.encoder_length {} or data.decoder_length {}; set data.window_tokens and "
                    "data.decoder_length to auto",
                    window, inputs, targets, plan.encoder_length, plan.decoder_length));
  }
}

}  // namespace

ExamplePlan make_example_plan(const DataSection& data, const LoaderPlace& place, uint64_t seed,
                              const Tokenizer& tokenizer) {
  const SpanLengths derived =
      span_lengths(data.encoder_length, data.noise_density, data.mean_noise_span);
  const auto or_derived = [](const AutoInt& key, int64_t value) {
    return key.is_auto ? value : key.value;
  };
  ExamplePlan plan;
  plan.window_tokens = or_derived(data.window_tokens, derived.window_tokens);
  plan.encoder_length = data.encoder_length;
  plan.decoder_length = or_derived(data.decoder_length, derived.decoder_length);
  plan.noise_density = data.noise_density;
  plan.mean_noise_span = data.mean_noise_span;
  plan.separator = data.document_separator;
  plan.shuffle_buffer = narrow<size_t>(std::max<int64_t>(data.shuffle_buffer, 1));
  plan.seed = seed;
  plan.place = place;
  check_example_plan(plan, tokenizer);
  return plan;
}

ExampleStream::ExampleStream(const DocumentSources& sources, const ExamplePlan& plan,
                             int64_t stream)
    : sources_(sources), plan_(plan), stream_(stream), documents_(sources, stream) {}

void ExampleStream::next(Example& example) {
  while (tokens_.size() - used_ < static_cast<size_t>(plan_.window_tokens)) append_document();
  corrupt(example);
  used_ += static_cast<size_t>(plan_.window_tokens);
  ++examples_;
}

void ExampleStream::restore(const StreamState& state) {
  draws_ = state.draws;
  examples_ = state.examples;
  tokens_ = state.leftover;
  used_ = 0;
  buffer_ = state.buffer;
  documents_.restore(state.slot, state.record);
}

void ExampleStream::take_step(StreamStep& step) {
  step.slot = documents_.slot();
  step.record = documents_.record();
  step.draws = draws_;
  step.examples = examples_;
  step.leftover.assign(tokens_.begin() + static_cast<int64_t>(used_), tokens_.end());
  step.placed.clear();
  step.placed.swap(placed_);
}

// Reads a document into the shuffle buffer.
void ExampleStream::place_document(size_t place) {
  Document document = documents_.next();
  placed_.emplace_back(place, document);
  if (place == buffer_.size()) buffer_.emplace_back();
  buffer_[place] = std::move(document);
}

// A random document of the full buffer; the next one read takes its place.
Document ExampleStream::draw_document() {
  while (buffer_.size() < plan_.shuffle_buffer) place_document(buffer_.size());
  const RandomKey key{plan_.seed, 0, site::kData + static_cast<uint32_t>(stream_)};
  const size_t place =
      random_below(key, static_cast<uint64_t>(draws_++), narrow<uint32_t>(buffer_.size()));
  Document drawn = buffer_[place];
  place_document(place);
  return drawn;
}

void ExampleStream::append_document() {
  tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<int64_t>(used_));
  used_ = 0;
  const Document document = draw_document();
  tokens_.insert(tokens_.end(), document->begin(), document->end());
  if (plan_.separator == Separator::eos) tokens_.push_back(kEosId);
}

void ExampleStream::corrupt(Example& example) {
  const LoaderPlace& place = plan_.place;
  const int64_t each = place.examples_per_stream;
  example.stream = stream_;
  example.index = examples_ / each * each * place.total_streams + stream_ * each + examples_ % each;
  const std::span<const int32_t> window(tokens_.data() + used_,
                                        static_cast<size_t>(plan_.window_tokens));
  const std::vector<uint8_t> mask =
      noise_mask(plan_.window_tokens, plan_.noise_density, plan_.mean_noise_span, plan_.seed,
                 static_cast<uint64_t>(example.index));
  const Tokenizer& tokenizer = sources_.tokenizer;
  const int32_t first = tokenizer.sentinel(0);
  const int64_t count = tokenizer.sentinels();
  noise_span_to_unique_sentinel(example.inputs, window, mask, first, count);
  nonnoise_span_to_unique_sentinel(example.targets, window, mask, first, count);
  example.inputs.push_back(kEosId);
  example.targets.push_back(kEosId);
}

}  // namespace sy
