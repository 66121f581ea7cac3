// SPDX-License-Identifier: Apache-2.0
#include "lib/data/packed_source.h"

#include <algorithm>
#include <deque>
#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr const char* kKind = "packed";

void append(std::vector<int32_t>& ids, std::vector<int32_t>& ends,
            std::span<const int32_t> example) {
  ids.insert(ids.end(), example.begin(), example.end());
  ends.push_back(narrow<int32_t>(ids.size()));
}

bool fits(const Example& row, const Example& example, const ExampleLengths& lengths) {
  return std::ssize(row.inputs) + std::ssize(example.inputs) <= lengths.inputs &&
         std::ssize(row.targets) + std::ssize(example.targets) <= lengths.targets;
}

// The open rows as numbers and tokens of a StreamState.
void save_rows(const std::deque<Example>& rows, std::vector<int64_t>& numbers,
               std::vector<int32_t>& tokens) {
  numbers.clear();
  tokens.clear();
  for (const Example& row : rows) save_example(row, numbers, tokens);
}

class PackedSource : public ExampleSource {
 public:
  PackedSource(std::unique_ptr<ExampleSource> source, int64_t stream, const LoaderPlace& place,
               const ExampleLengths& lengths)
      : source_(std::move(source)), stream_(stream), place_(place), lengths_(lengths) {}

  void next(Example& example) override {
    while (!complete()) take_example();
    if (rows_.empty()) {
      example = {};
    } else {
      std::swap(example, rows_.front());
      rows_.pop_front();
    }
    example.stream = stream_;
    example.index = place_.example_index(stream_, count_++);
  }

  StreamState state() const override {
    StreamState state;
    state.kind = kKind;
    state.stream = stream_;
    state.examples = count_;
    save_rows(rows_, state.numbers, state.tokens);
    state.parts.push_back(source_->state());
    return state;
  }

  void take_step(StreamStep& step) override {
    step.examples = count_;
    save_rows(rows_, step.numbers, step.tokens);
    step.changes.clear();
    step.parts.resize(1);
    source_->take_step(step.parts[0]);
  }

  void restore(const StreamState& state) override {
    check_kind(state, kKind, state.numbers.size(), 0, 1);
    SavedExamples saved(state, state.numbers, lengths_);
    rows_.clear();
    while (!saved.ended()) rows_.push_back(saved.next());
    count_ = state.examples;
    source_->restore(state.parts[0]);
  }

 private:
  // Whether the oldest row is, or the source has ended.
  bool complete() const { return ended_ || rows_.size() > kOpenRows; }

  // Puts the source's next example into the first row that has room for it, or into a new one.
  void take_example() {
    source_->next(taken_);
    ended_ = taken_.inputs.empty();
    if (ended_) return;
    auto row = std::find_if(rows_.begin(), rows_.end(),
                            [this](const Example& open) { return fits(open, taken_, lengths_); });
    if (row == rows_.end()) row = open_row();
    append(row->inputs, row->input_ends, taken_.inputs);
    append(row->targets, row->target_ends, taken_.targets);
  }

  std::deque<Example>::iterator open_row() {
    SY_CHECK(fits({}, taken_, lengths_), "example {} of {} and {} tokens for rows of {} and {}",
             taken_.index, taken_.inputs.size(), taken_.targets.size(), lengths_.inputs,
             lengths_.targets);
    Example& row = rows_.emplace_back();
    row.denoiser = taken_.denoiser;
    row.part = taken_.part;
    return std::prev(rows_.end());
  }

  std::unique_ptr<ExampleSource> source_;
  const int64_t stream_;
  const LoaderPlace place_;
  const ExampleLengths lengths_;
  std::deque<Example> rows_;  // open, the oldest first
  Example taken_;
  int64_t count_ = 0;  // rows that next() returned
  bool ended_ = false;
};

class PackedSources : public ExampleSources {
 public:
  PackedSources(std::unique_ptr<ExampleSources> sources, const LoaderPlace& place,
                const ExampleLengths& lengths)
      : sources_(std::move(sources)), place_(place), lengths_(lengths) {}

  std::unique_ptr<ExampleSource> open(int64_t stream) override {
    return std::make_unique<PackedSource>(sources_->open(stream), stream, place_, lengths_);
  }
  DataCounters counters() const override { return sources_->counters(); }
  void cancel() override { sources_->cancel(); }

 private:
  const std::unique_ptr<ExampleSources> sources_;
  const LoaderPlace place_;
  const ExampleLengths lengths_;
};

}  // namespace

std::unique_ptr<ExampleSources> pack_sources(std::unique_ptr<ExampleSources> sources,
                                             const LoaderPlace& place,
                                             const ExampleLengths& lengths) {
  return std::make_unique<PackedSources>(std::move(sources), place, lengths);
}

}  // namespace sy
