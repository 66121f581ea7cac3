// SPDX-License-Identifier: Apache-2.0
#include "lib/data/bucket_source.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"

namespace sy {
namespace {

constexpr const char* kBucketedKind = "buckets";
constexpr uint32_t kOrderSite = site::of_name("order of buckets");

struct BucketPlan {
  LoaderPlace place;
  int64_t batches = 1;  // of a window
  uint64_t seed = 0;
  ExampleLengths lengths;

  // Overwrites `order` with a permutation of its numbers, from 0 on: the class of each batch.
  void shuffle(std::vector<uint32_t>& order, int64_t window) const {
    std::iota(order.begin(), order.end(), 0);
    const RandomKey key{seed, narrow<uint32_t>(window), kOrderSite};
    for (uint32_t left = narrow<uint32_t>(order.size()); left > 1; --left) {
      std::swap(order[left - 1], order[random_below(key, left, left)]);
    }
  }
};

size_t tokens_of(const Example& example) {
  return example.inputs.size() + example.targets.size();
}

class BucketSource : public ExampleSource {
 public:
  BucketSource(std::unique_ptr<ExampleSource> source, int64_t stream, const BucketPlan& plan)
      : source_(std::move(source)),
        stream_(stream),
        plan_(plan),
        order_(static_cast<size_t>(plan.batches)) {}

  void next(Example& example) override {
    if (given_ == window_.size()) take_window();
    std::swap(example, window_[given_++]);
    example.stream = stream_;
    example.index = plan_.place.example_index(stream_, count_++);
  }

  StreamState state() const override {
    StreamState state;
    state.kind = kBucketedKind;
    state.stream = stream_;
    state.examples = count_;
    save(state.numbers, state.tokens);
    state.parts.push_back(source_->state());
    return state;
  }

  void take_step(StreamStep& step) override {
    step.examples = count_;
    save(step.numbers, step.tokens);
    step.changes.clear();
    step.parts.resize(1);
    source_->take_step(step.parts[0]);
  }

  void restore(const StreamState& state) override {
    check_kind(state, kBucketedKind, std::max<size_t>(state.numbers.size(), 1), 0, 1);
    windows_ = state.numbers[0];
    SavedExamples saved(state, std::span(state.numbers).subspan(1), plan_.lengths);
    window_.clear();
    given_ = 0;
    while (!saved.ended()) window_.push_back(saved.next());
    count_ = state.examples;
    source_->restore(state.parts[0]);
  }

 private:
  // Fills window_ with the next window, in the order in which it is given out.
  void take_window() {
    const auto each = static_cast<size_t>(plan_.place.examples_per_stream);
    sorted_.resize(order_.size() * each);
    for (Example& example : sorted_) source_->next(example);
    std::stable_sort(sorted_.begin(), sorted_.end(), [](const Example& a, const Example& b) {
      return tokens_of(a) < tokens_of(b);
    });
    plan_.shuffle(order_, windows_++);
    window_.resize(sorted_.size());
    auto to = window_.begin();
    for (const uint32_t of_length : order_) {
      const auto first = sorted_.begin() + static_cast<std::ptrdiff_t>(of_length * each);
      to = std::swap_ranges(first, first + static_cast<std::ptrdiff_t>(each), to);
    }
    given_ = 0;
  }

  // The number of windows taken, and what is left of the last one.
  void save(std::vector<int64_t>& numbers, std::vector<int32_t>& tokens) const {
    numbers.assign(1, windows_);
    tokens.clear();
    for (const Example& left : std::span(window_).subspan(given_)) {
      save_example(left, numbers, tokens);
    }
  }

  std::unique_ptr<ExampleSource> source_;
  const int64_t stream_;
  const BucketPlan& plan_;
  std::vector<uint32_t> order_;
  std::vector<Example> sorted_, window_;
  size_t given_ = 0;  // of window_
  int64_t windows_ = 0;
  int64_t count_ = 0;  // examples that next() returned
};

class BucketSources : public ExampleSources {
 public:
  BucketSources(std::unique_ptr<ExampleSources> sources, const BucketPlan& plan)
      : sources_(std::move(sources)), plan_(plan) {}

  std::unique_ptr<ExampleSource> open(int64_t stream) override {
    return std::make_unique<BucketSource>(sources_->open(stream), stream, plan_);
  }
  DataCounters counters() const override { return sources_->counters(); }
  void cancel() override { sources_->cancel(); }

 private:
  const std::unique_ptr<ExampleSources> sources_;
  const BucketPlan plan_;
};

}  // namespace

std::unique_ptr<ExampleSources> bucket_sources(std::unique_ptr<ExampleSources> sources,
                                               const LoaderPlace& place, int64_t batches,
                                               uint64_t seed, const ExampleLengths& lengths) {
  SY_CHECK(batches > 0 && !place.single_pass, "windows of {} batches{}", batches,
           place.single_pass ? " in a single pass" : "");
  return std::make_unique<BucketSources>(std::move(sources),
                                         BucketPlan{place, batches, seed, lengths});
}

}  // namespace sy
