// SPDX-License-Identifier: Apache-2.0
// Examples of tasks as a source of training examples.
//
// Example i of a task belongs to virtual stream i modulo the number of streams; a task with fewer
// examples than streams gives stream s its example s modulo their number. A stream goes through its
// examples endlessly, in an order of its own in each epoch. A single pass takes them in the order
// of the files.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lib/data/example_source.h"
#include "lib/tasks/task_examples.h"

namespace sy {

// An example's ids, each ending with eos.
struct TaskTokens {
  int64_t part = 0;  // number of the task
  std::vector<int32_t> inputs, targets;
};

class TaskSources : public ExampleSources {
 public:
  // Reads the examples of `tasks` that belong to the streams of `place`, of several tasks one of
  // each in turn. With place.single_pass these are their validation examples, else those of
  // training; tasks without such files are left out. Reports once per task how many are longer than
  // data.encoder_length and data.decoder_length, and cuts them. Throws as SplitReader does, and
  // ConfigError if no task has files.
  TaskSources(std::span<const TaskSection> tasks, const DataSection& data, const LoaderPlace& place,
              uint64_t seed, const Tokenizer& tokenizer);

  std::unique_ptr<ExampleSource> open(int64_t stream) override;
  DataCounters counters() const override { return counters_; }
  void cancel() override { cancelled_ = true; }

  int64_t size() const { return size_; }  // examples of all streams

 private:
  class Reading;

  const LoaderPlace place_;
  const uint64_t seed_;
  const uint32_t site_;  // of the draws, from the names of the tasks
  int64_t size_ = 0;
  std::vector<std::vector<TaskTokens>> streams_;  // of this rank
  DataCounters counters_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace sy
