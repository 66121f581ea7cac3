// SPDX-License-Identifier: Apache-2.0
// Examples of many lengths, each with ids of its own: a source for those that arrange another one's
// examples.
#pragma once

#include <memory>

#include "lib/base/random.h"
#include "lib/data/example_source.h"

namespace sy::test {

constexpr int64_t kInPass = 40;  // examples of a stream in a single pass

// The number-th example of a stream: 2 to 41 inputs and 1 to 12 targets, all of them its own id.
inline Example example_of(int64_t stream, int64_t number) {
  const auto draw = [&](uint32_t site, uint32_t below) {
    const RandomKey key{9, 0, site};
    return static_cast<size_t>(
        random_below(key, static_cast<uint64_t>(1000 * stream + number), below));
  };
  const auto id = static_cast<int32_t>(1000 * stream + number);
  Example example;
  example.part = number % 3;
  example.inputs.assign(2 + draw(1, 40), id);
  example.targets.assign(1 + draw(2, 12), id);
  return example;
}

class NumberedSource : public ExampleSource {
 public:
  NumberedSource(int64_t stream, bool single_pass) : stream_(stream), single_pass_(single_pass) {}
  void next(Example& example) override {
    example = single_pass_ && count_ >= kInPass ? Example() : example_of(stream_, count_);
    ++count_;
  }
  StreamState state() const override {
    StreamState state;
    state.kind = "numbered";
    state.stream = stream_;
    state.examples = count_;
    return state;
  }
  void take_step(StreamStep& step) override { step.examples = count_; }
  void restore(const StreamState& state) override { count_ = state.examples; }

 private:
  int64_t stream_, count_ = 0;
  bool single_pass_;
};

class NumberedSources : public ExampleSources {
 public:
  explicit NumberedSources(bool single_pass) : single_pass_(single_pass) {}
  std::unique_ptr<ExampleSource> open(int64_t stream) override {
    return std::make_unique<NumberedSource>(stream, single_pass_);
  }
  DataCounters counters() const override { return {}; }
  void cancel() override {}

 private:
  bool single_pass_;
};

}  // namespace sy::test
