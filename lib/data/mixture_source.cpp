// SPDX-License-Identifier: Apache-2.0
#include "lib/data/mixture_source.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/base/random.h"

namespace sy {
namespace {

constexpr const char* kKind = "mixture";

class Mixture : public ExampleSources {
 public:
  Mixture(std::vector<MixturePart> given, const LoaderPlace& at, uint64_t seed)
      : parts(std::move(given)), place(at), key{seed, 0, site::of_name("mixture")} {}
  std::unique_ptr<ExampleSource> open(int64_t stream) override;
  DataCounters counters() const override { return parts.front().sources->counters(); }
  void cancel() override {
    for (MixturePart& part : parts) part.sources->cancel();
  }

  std::vector<MixturePart> parts;
  const LoaderPlace place;
  RandomKey key;
};

class MixtureStream : public ExampleSource {
 public:
  MixtureStream(Mixture& owner, int64_t stream) : owner_(owner), stream_(stream) {
    for (MixturePart& part : owner.parts) {
      parts_.push_back(part.sources->open(stream));
      total_ += part.rate;
    }
  }
  void next(Example& example) override {
    const int64_t index = owner_.place.example_index(stream_, examples_++);
    double left =
        total_ * static_cast<double>(random_uniform(owner_.key, static_cast<uint64_t>(index)));
    size_t part = 0;
    while (part + 1 < parts_.size() && left >= owner_.parts[part].rate) {
      left -= owner_.parts[part++].rate;
    }
    parts_[part]->next(example);
    example.index = index;
    example.stream = stream_;
    example.part = static_cast<int64_t>(part);
  }
  StreamState state() const override {
    StreamState state;
    state.kind = kKind;
    state.stream = stream_;
    state.examples = examples_;
    for (const auto& part : parts_) state.parts.push_back(part->state());
    return state;
  }
  void take_step(StreamStep& step) override {
    step.examples = examples_;
    step.numbers.clear();
    step.tokens.clear();
    step.changes.clear();
    step.parts.resize(parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) parts_[i]->take_step(step.parts[i]);
  }
  void restore(const StreamState& state) override {
    check_kind(state, kKind, 0, 0, parts_.size());
    examples_ = state.examples;
    for (size_t i = 0; i < parts_.size(); ++i) parts_[i]->restore(state.parts[i]);
  }

 private:
  Mixture& owner_;
  int64_t stream_, examples_ = 0;
  double total_ = 0;
  std::vector<std::unique_ptr<ExampleSource>> parts_;
};

std::unique_ptr<ExampleSource> Mixture::open(int64_t stream) {
  return std::make_unique<MixtureStream>(*this, stream);
}

}  // namespace

std::vector<double> mixture_rates(const MixtureSection& mixture, std::span<const PartSize> parts) {
  std::vector<double> rates;
  double sum = 0;
  for (const PartSize& part : parts) {
    const double size = mixture.cap > 0 ? std::min(part.size, mixture.cap) : part.size;
    rates.push_back(part.rate.is_auto ? std::pow(size, mixture.exponent) : part.rate.value);
    sum += rates.back();
  }
  if (!(sum > 0)) throw ConfigError("the rates of the mixture sum to 0; give one above 0");
  return rates;
}

std::unique_ptr<ExampleSources> mix_sources(std::vector<MixturePart> parts,
                                            const LoaderPlace& place, uint64_t seed) {
  return std::make_unique<Mixture>(std::move(parts), place, seed);
}

}  // namespace sy
