// SPDX-License-Identifier: Apache-2.0
#include "lib/data/mixture_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"

namespace sy {
namespace {

// Beside the draw of an example's denoiser; step 0.
constexpr uint32_t kPartSite = site::kDenoisers + 1;  // counter: the example
constexpr uint32_t kSeedSite = site::kDenoisers + 2;  // block: the part

std::string names_of(std::span<const PartSize> parts) {
  std::vector<std::string> names;
  for (const PartSize& part : parts) names.push_back(part.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

double rate_of(const MixtureSection& mixture, const PartSize& part) {
  if (!part.rate.is_auto) return part.rate.value;
  if (!(part.size > 0)) return 0;
  const double size = mixture.cap > 0 ? std::min(part.size, mixture.cap) : part.size;
  return std::pow(size, mixture.exponent);
}

// What the streams of a mixture share.
struct MixturePlan {
  LoaderPlace place;
  uint64_t seed;
  std::vector<double> ends;      // sums of the rates
  std::vector<int64_t> numbers;  // that stand for the parts' names in a position

  size_t draw(int64_t index) const {
    constexpr double kWords = 4294967296.0;
    const RandomKey key{seed, 0, kPartSite};
    const double at = random_word(key, static_cast<uint64_t>(index)) / kWords * ends.back();
    return narrow<size_t>(std::upper_bound(ends.begin(), ends.end(), at) - ends.begin());
  }
};

MixturePlan make_plan(const std::vector<MixturePart>& parts, const LoaderPlace& place,
                      uint64_t seed) {
  MixturePlan plan{place, seed, {}, {}};
  double end = 0;
  for (const MixturePart& part : parts) {
    plan.ends.push_back(end += part.rate);
    plan.numbers.push_back(site::of_name(part.name));
  }
  SY_CHECK(place.single_pass || (end > 0 && std::isfinite(end)), "the rates of {} parts sum to {}",
           parts.size(), end);
  return plan;
}

class MixtureSource : public ExampleSource {
 public:
  MixtureSource(const MixturePlan& plan, std::vector<std::unique_ptr<ExampleSource>> parts,
                int64_t stream)
      : plan_(plan), parts_(std::move(parts)), stream_(stream) {}

  void next(Example& example) override;
  StreamState state() const override;
  void take_step(StreamStep& step) override;
  void restore(const StreamState& state) override;

 private:
  static constexpr const char* kKind = "mixture";

  // Overwrites `numbers` with the part of a single pass that is read, then what stands for the
  // names.
  void save_numbers(std::vector<int64_t>& numbers) const;
  void next_of_pass(Example& example);

  const MixturePlan& plan_;
  std::vector<std::unique_ptr<ExampleSource>> parts_;
  int64_t stream_;
  int64_t examples_ = 0;
  size_t passing_ = 0;
};

void MixtureSource::next(Example& example) {
  const int64_t index = plan_.place.example_index(stream_, examples_++);
  if (plan_.place.single_pass) {
    next_of_pass(example);
  } else {
    const size_t part = plan_.draw(index);
    parts_[part]->next(example);
    example.part = narrow<int64_t>(part);
  }
  example.index = index;
}

void MixtureSource::next_of_pass(Example& example) {
  parts_[passing_]->next(example);
  while (example.inputs.empty() && passing_ + 1 < parts_.size()) parts_[++passing_]->next(example);
  example.part = narrow<int64_t>(passing_);
}

void MixtureSource::save_numbers(std::vector<int64_t>& numbers) const {
  numbers.assign(1, narrow<int64_t>(passing_));
  numbers.insert(numbers.end(), plan_.numbers.begin(), plan_.numbers.end());
}

StreamState MixtureSource::state() const {
  StreamState state;
  state.kind = kKind;
  state.stream = stream_;
  state.examples = examples_;
  save_numbers(state.numbers);
  for (const auto& part : parts_) state.parts.push_back(part->state());
  return state;
}

void MixtureSource::take_step(StreamStep& step) {
  step.examples = examples_;
  save_numbers(step.numbers);
  step.tokens.clear();
  step.changes.clear();
  step.parts.resize(parts_.size());
  for (size_t i = 0; i < parts_.size(); ++i) parts_[i]->take_step(step.parts[i]);
}

void MixtureSource::restore(const StreamState& state) {
  check_kind(state, kKind, parts_.size() + 1, 0, parts_.size());
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (state.numbers[i + 1] == plan_.numbers[i]) continue;
    throw DataError(fmt::format(
        "the saved position of data stream {} is of a mixture whose part {} has another name; "
        "resume with the parts that it was saved with, in their order",
        state.stream, i + 1));
  }
  passing_ = std::min(narrow<size_t>(state.numbers[0]), parts_.size() - 1);
  examples_ = state.examples;
  for (size_t i = 0; i < parts_.size(); ++i) parts_[i]->restore(state.parts[i]);
}

class MixtureSources : public ExampleSources {
 public:
  MixtureSources(std::vector<MixturePart> parts, const LoaderPlace& place, uint64_t seed)
      : plan_(make_plan(parts, place, seed)), parts_(std::move(parts)) {}

  std::unique_ptr<ExampleSource> open(int64_t stream) override {
    std::vector<std::unique_ptr<ExampleSource>> opened;
    for (const MixturePart& part : parts_) opened.push_back(part.sources->open(stream));
    return std::make_unique<MixtureSource>(plan_, std::move(opened), stream);
  }

  DataCounters counters() const override {
    DataCounters sum;
    for (const MixturePart& part : parts_) sum += part.sources->counters();
    return sum;
  }

  void cancel() override {
    for (const MixturePart& part : parts_) part.sources->cancel();
  }

 private:
  const MixturePlan plan_;
  const std::vector<MixturePart> parts_;
};

}  // namespace

std::vector<double> mixture_rates(const MixtureSection& mixture, std::span<const PartSize> parts) {
  const auto given = std::count_if(parts.begin(), parts.end(),
                                   [](const PartSize& part) { return !part.rate.is_auto; });
  if (given != 0 && given != std::ssize(parts)) {
    throw ConfigError(fmt::format(
        "only {} of the {} parts of the mixture ({}) have a rate; give every part a rate, or leave "
        "all of them to data.mixture",
        given, parts.size(), names_of(parts)));
  }
  std::vector<double> rates;
  double sum = 0;
  for (const PartSize& part : parts) sum += rates.emplace_back(rate_of(mixture, part));
  if (!(sum > 0) || !std::isfinite(sum)) {
    throw ConfigError(fmt::format(
        "the rates of the mixture's parts ({}) sum to {}, so none can be drawn; give one of them a "
        "rate above 0, or more text",
        names_of(parts), sum));
  }
  return rates;
}

uint64_t part_seed(uint64_t seed, size_t part) {
  const Philox4 words = philox({seed, 0, kSeedSite}, part);
  return uint64_t{words.word[0]} << 32 | words.word[1];
}

std::unique_ptr<ExampleSources> mix_sources(std::vector<MixturePart> parts,
                                            const LoaderPlace& place, uint64_t seed) {
  return std::make_unique<MixtureSources>(std::move(parts), place, seed);
}

}  // namespace sy
