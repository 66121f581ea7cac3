// SPDX-License-Identifier: Apache-2.0
#include "lib/data/loader_worker.h"

#include "lib/base/numeric.h"
#include "lib/data/text/line_reader.h"

namespace sy {

LoaderWorker::LoaderWorker(std::vector<std::unique_ptr<ExampleSource>> streams,
                           int64_t examples_per_stream, int64_t ahead,
                           const std::atomic<bool>& cancelled)
    : streams_(std::move(streams)),
      examples_per_stream_(examples_per_stream),
      cancelled_(cancelled),
      ring_(narrow<size_t>(std::max<int64_t>(ahead, 1))) {}

LoaderWorker::~LoaderWorker() {
  wake();
  if (thread_.joinable()) thread_.join();
}

void LoaderWorker::start() {
  thread_ = std::thread([this] { run(); });
}

void LoaderWorker::take(WorkerBatch& batch) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_ > 0 || error_ != nullptr; });
    if (ready_ == 0) std::rethrow_exception(error_);
    std::swap(batch, ring_[first_]);
    first_ = (first_ + 1) % ring_.size();
    --ready_;
  }
  changed_.notify_all();
}

void LoaderWorker::wake() {
  { const std::lock_guard lock(mutex_); }  // the flag must not change between test and wait
  changed_.notify_all();
}

void LoaderWorker::run() {
  try {
    WorkerBatch batch;
    do {
      prepare(batch);
    } while (put(batch));
  } catch (const Cancelled&) {
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
    }
    changed_.notify_all();
  }
}

void LoaderWorker::prepare(WorkerBatch& batch) {
  batch.examples.resize(streams_.size() * static_cast<size_t>(examples_per_stream_));
  batch.steps.resize(streams_.size());
  size_t at = 0;
  for (size_t i = 0; i < streams_.size(); ++i) {
    for (int64_t e = 0; e < examples_per_stream_; ++e) streams_[i]->next(batch.examples[at++]);
    streams_[i]->take_step(batch.steps[i]);
  }
}

// Queues `batch` in exchange for used memory; waits for space. False if cancelled.
bool LoaderWorker::put(WorkerBatch& batch) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_ < ring_.size() || cancelled_; });
    if (cancelled_) return false;
    std::swap(batch, ring_[(first_ + ready_) % ring_.size()]);
    ++ready_;
  }
  changed_.notify_all();
  return true;
}

}  // namespace sy
