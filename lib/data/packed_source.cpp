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

bool fits(const Example& row, const Example& example, const PackLengths& lengths) {
  return std::ssize(row.inputs) + std::ssize(example.inputs) <= lengths.inputs &&
         std::ssize(row.targets) + std::ssize(example.targets) <= lengths.targets;
}

// The open rows as numbers and tokens of a StreamState: for each row its denoiser, its part, the
// number of its examples, and their ends in inputs and in targets; then the ids of all rows.
void save_rows(const std::deque<Example>& rows, std::vector<int64_t>& numbers,
               std::vector<int32_t>& tokens) {
  numbers.clear();
  tokens.clear();
  for (const Example& row : rows) {
    numbers.insert(numbers.end(), {row.denoiser, row.part, std::ssize(row.input_ends)});
    for (const auto* ends : {&row.input_ends, &row.target_ends}) {
      numbers.insert(numbers.end(), ends->begin(), ends->end());
    }
    for (const auto* ids : {&row.inputs, &row.targets}) {
      tokens.insert(tokens.end(), ids->begin(), ids->end());
    }
  }
}

// Reads a saved position from its beginning to its end.
class SavedRows {
 public:
  SavedRows(const StreamState& state, const PackLengths& lengths)
      : state_(state), numbers_(state.numbers), tokens_(state.tokens), lengths_(lengths) {}

  bool ended() const { return numbers_.empty() && tokens_.empty(); }

  Example row() {
    Example row;
    row.denoiser = number();
    row.part = number();
    const int64_t count = number();
    require(count > 0 && count <= std::ssize(numbers_));
    read_ends(row.input_ends, count, lengths_.inputs);
    read_ends(row.target_ends, count, lengths_.targets);
    read_ids(row.inputs, row.input_ends.back());
    read_ids(row.targets, row.target_ends.back());
    return row;
  }

 private:
  void require(bool condition) const {
    if (condition) return;
    throw DataError(
        fmt::format("the saved position of data stream {} does not hold rows of at most {} and {} "
                    "tokens; resume with the configuration that it was saved with",
                    state_.stream, lengths_.inputs, lengths_.targets));
  }

  int64_t number() {
    require(!numbers_.empty());
    const int64_t first = numbers_.front();
    numbers_ = numbers_.subspan(1);
    return first;
  }

  void read_ends(std::vector<int32_t>& ends, int64_t count, int64_t most) {
    int64_t before = 0;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t end = number();
      require(before <= end && end <= most);
      ends.push_back(narrow<int32_t>(end));
      before = end;
    }
  }

  void read_ids(std::vector<int32_t>& ids, int64_t count) {
    require(count <= std::ssize(tokens_));
    const auto first = tokens_.first(static_cast<size_t>(count));
    ids.assign(first.begin(), first.end());
    tokens_ = tokens_.subspan(first.size());
  }

  const StreamState& state_;
  std::span<const int64_t> numbers_;
  std::span<const int32_t> tokens_;
  const PackLengths lengths_;
};

class PackedSource : public ExampleSource {
 public:
  PackedSource(std::unique_ptr<ExampleSource> source, int64_t stream, const LoaderPlace& place,
               const PackLengths& lengths)
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
    SavedRows saved(state, lengths_);
    rows_.clear();
    while (!saved.ended()) rows_.push_back(saved.row());
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
  const PackLengths lengths_;
  std::deque<Example> rows_;  // open, the oldest first
  Example taken_;
  int64_t count_ = 0;  // rows that next() returned
  bool ended_ = false;
};

class PackedSources : public ExampleSources {
 public:
  PackedSources(std::unique_ptr<ExampleSources> sources, const LoaderPlace& place,
                const PackLengths& lengths)
      : sources_(std::move(sources)), place_(place), lengths_(lengths) {}

  std::unique_ptr<ExampleSource> open(int64_t stream) override {
    return std::make_unique<PackedSource>(sources_->open(stream), stream, place_, lengths_);
  }
  DataCounters counters() const override { return sources_->counters(); }
  void cancel() override { sources_->cancel(); }

 private:
  const std::unique_ptr<ExampleSources> sources_;
  const LoaderPlace place_;
  const PackLengths lengths_;
};

}  // namespace

std::unique_ptr<ExampleSources> pack_sources(std::unique_ptr<ExampleSources> sources,
                                             const LoaderPlace& place, const PackLengths& lengths) {
  return std::make_unique<PackedSources>(std::move(sources), place, lengths);
}

}  // namespace sy
