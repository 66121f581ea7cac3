// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/task_source.h"

#include <numeric>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/data/text/line_reader.h"

namespace sy {
namespace {

constexpr const char* kKind = "task";  // in a checkpoint

// The draws of a source: one for each place of each epoch of each stream.
struct TaskOrder {
  uint64_t seed;
  uint32_t site;

  // Overwrites `order` with a permutation of its numbers, from 0 on.
  void shuffle(std::vector<uint32_t>& order, int64_t stream, int64_t epoch) const {
    std::iota(order.begin(), order.end(), 0);
    const RandomKey key{seed, narrow<uint32_t>(stream), site};
    const uint64_t first = static_cast<uint64_t>(epoch) << 32;
    for (uint32_t left = narrow<uint32_t>(order.size()); left > 1; --left) {
      std::swap(order[left - 1], order[random_below(key, first + left, left)]);
    }
  }
};

class TaskStream : public ExampleSource {
 public:
  // `size`: examples of all streams.
  TaskStream(const std::vector<TaskTokens>& examples, int64_t size, const LoaderPlace& place,
             TaskOrder order, int64_t stream, const std::atomic<bool>& cancelled)
      : examples_(examples),
        size_(size),
        place_(place),
        draws_(order),
        stream_(stream),
        cancelled_(cancelled),
        order_(examples.size()) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  void next(Example& example) override {
    if (cancelled_) throw Cancelled();
    const int64_t number = given_++;
    example.stream = stream_;
    example.index = place_.example_index(stream_, number);
    if (place_.single_pass && number >= std::ssize(examples_)) {
      example.inputs.clear();
      example.targets.clear();
      return;
    }
    const TaskTokens& tokens = at(number);
    example.part = tokens.part;
    example.inputs = tokens.inputs;
    example.targets = tokens.targets;
  }

  StreamState state() const override {
    StreamState state;
    state.kind = kKind;
    state.stream = stream_;
    state.examples = given_;
    state.numbers = {size_};
    return state;
  }

  void take_step(StreamStep& step) override {
    step.examples = given_;
    step.numbers.assign(1, size_);
    step.tokens.clear();
    step.changes.clear();
    step.parts.clear();
  }

  void restore(const StreamState& state) override {
    check_kind(state, kKind, 1, 0, 0);
    if (state.numbers[0] != size_) {
      throw DataError(
          fmt::format("a task of the checkpoint had {} training examples and has {} now; restore "
                      "its files, or start a new run from the weights (train.initialize_from)",
                      state.numbers[0], size_));
    }
    given_ = state.examples;
  }

 private:
  const TaskTokens& at(int64_t number) {
    const int64_t count = std::ssize(examples_);
    if (!place_.single_pass && number / count != epoch_) {
      epoch_ = number / count;
      draws_.shuffle(order_, stream_, epoch_);
    }
    return examples_[order_[static_cast<size_t>(number % count)]];
  }

  const std::vector<TaskTokens>& examples_;
  int64_t size_;
  const LoaderPlace& place_;
  TaskOrder draws_;
  int64_t stream_;
  const std::atomic<bool>& cancelled_;
  std::vector<uint32_t> order_;  // of the current epoch
  int64_t epoch_ = -1;           // -1: none yet
  int64_t given_ = 0;
};

uint32_t site_of(std::span<const TaskSection> tasks) {
  std::string name = "task";
  for (const TaskSection& task : tasks) name += "/" + task.name;
  return site::of_name(name);
}

}  // namespace

// Takes examples in, in the order of the files.
class TaskSources::Reading {
 public:
  Reading(TaskSources& to, const DataSection& data, const Tokenizer& tokenizer)
      : to_(to), data_(data), tokenizer_(tokenizer) {}

  // One of each task in turn until all have ended.
  void read(std::span<const TaskSection> tasks) {
    const Split split = to_.place_.single_pass ? Split::validation : Split::train;
    std::vector<std::unique_ptr<SplitReader>> readers;
    for (const TaskSection& task : tasks) {
      const bool has_files = !files_of(task, split).empty();
      readers.push_back(has_files ? std::make_unique<SplitReader>(task, split) : nullptr);
    }
    cuts_.resize(tasks.size());
    TextExample example;
    for (bool any = true; any;) {
      any = false;
      for (size_t part = 0; part < readers.size(); ++part) {
        if (readers[part] == nullptr) continue;
        if (readers[part]->next(example)) {
          take(example, static_cast<int64_t>(part));
          any = true;
        } else {
          readers[part].reset();
        }
      }
    }
    if (early_.empty()) {
      throw ConfigError("data.tasks: no task has validation files; give some, or do not evaluate");
    }
    share_early();
    for (size_t part = 0; part < tasks.size(); ++part) report(tasks[part].name, cuts_[part]);
  }

 private:
  struct Cuts {
    int64_t examples = 0, inputs = 0, targets = 0;  // of those that were tokenised here
  };

  // Before a task has as many examples as there are streams, any stream may need it.
  void take(const TextExample& example, int64_t part) {
    const LoaderPlace& place = to_.place_;
    const int64_t number = to_.size_++, own = number % place.total_streams - place.first_stream;
    if (number < place.total_streams) {
      early_.push_back(tokens_of(example, part));
    } else if (own >= 0 && own < place.num_streams) {
      to_.streams_[static_cast<size_t>(own)].push_back(tokens_of(example, part));
    }
  }

  TaskTokens tokens_of(const TextExample& example, int64_t part) {
    Cuts& cuts = cuts_[static_cast<size_t>(part)];
    TaskTokens tokens{part, {}, {}};
    ++cuts.examples;
    cuts.inputs += encode_within(tokenizer_, example.inputs, data_.encoder_length, tokens.inputs);
    cuts.targets += encode_within(tokenizer_, example.targets.front(), data_.decoder_length.value,
                                  tokens.targets);
    to_.counters_.documents += 1;
    to_.counters_.tokens += std::ssize(tokens.inputs) + std::ssize(tokens.targets);
    return tokens;
  }

  void share_early() {
    const LoaderPlace& place = to_.place_;
    for (size_t own = 0; own < to_.streams_.size(); ++own) {
      const int64_t stream = place.first_stream + static_cast<int64_t>(own);
      if (stream >= std::ssize(early_) && place.single_pass) continue;
      std::vector<TaskTokens>& examples = to_.streams_[own];
      examples.insert(examples.begin(), early_[static_cast<size_t>(stream % std::ssize(early_))]);
    }
  }

  void report(const std::string& task, const Cuts& cuts) const {
    if (log::rank() != 0) return;
    const LoaderPlace& place = to_.place_;
    const char* whose = place.num_streams < place.total_streams ? " on this rank" : "";
    if (cuts.inputs > 0) {
      log::warn("task {}: {} of {} inputs{} are longer than data.encoder_length ({}) and are cut",
                task, cuts.inputs, cuts.examples, whose, data_.encoder_length);
    }
    if (cuts.targets > 0) {
      log::warn(
          "task {}: {} of {} targets{} are longer than data.decoder_length ({}) and are cut, so "
          "that their ends are not learnt; raise it",
          task, cuts.targets, cuts.examples, whose, data_.decoder_length.value);
    }
  }

  TaskSources& to_;
  const DataSection& data_;
  const Tokenizer& tokenizer_;
  std::vector<TaskTokens> early_;  // the first example of each stream
  std::vector<Cuts> cuts_;         // by task
};

TaskSources::TaskSources(std::span<const TaskSection> tasks, const DataSection& data,
                         const LoaderPlace& place, uint64_t seed, const Tokenizer& tokenizer)
    : place_(place),
      seed_(seed),
      site_(site_of(tasks)),
      streams_(static_cast<size_t>(place.num_streams)) {
  Reading(*this, data, tokenizer).read(tasks);
}

std::unique_ptr<ExampleSource> TaskSources::open(int64_t stream) {
  const auto own = static_cast<size_t>(stream - place_.first_stream);
  return std::make_unique<TaskStream>(streams_.at(own), size_, place_, TaskOrder{seed_, site_},
                                      stream, cancelled_);
}

}  // namespace sy
