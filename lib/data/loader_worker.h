// SPDX-License-Identifier: Apache-2.0
// A thread that prepares batches of some of the virtual streams ahead of their use.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/data/example_source.h"

namespace sy {

// The worker's share of one batch, stream after stream.
struct WorkerBatch {
  std::vector<Example> examples;  // [streams * examples_per_stream]
  std::vector<StreamStep> steps;  // [streams]
};

class LoaderWorker {
 public:
  // Prepares up to `ahead` batches. next() of the streams must return soon after `cancelled` is
  // set.
  LoaderWorker(std::vector<std::unique_ptr<ExampleSource>> streams, int64_t examples_per_stream,
               int64_t ahead, const std::atomic<bool>& cancelled);
  ~LoaderWorker();  // `cancelled` must be set; waits for the thread

  void start();

  // Swaps `batch`, whose memory is reused, for the next batch, and waits for it if necessary. After
  // an error, returns the batches before it and then rethrows the error in every call.
  void take(WorkerBatch& batch);

  // Call after setting `cancelled`.
  void wake();

 private:
  void run();
  void prepare(WorkerBatch& batch);
  bool put(WorkerBatch& batch);

  std::vector<std::unique_ptr<ExampleSource>> streams_;
  const int64_t examples_per_stream_;
  const std::atomic<bool>& cancelled_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WorkerBatch> ring_;  // `ready_` batches from `first_` on are prepared
  size_t first_ = 0, ready_ = 0;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace sy
