// SPDX-License-Identifier: Apache-2.0
#include "lib/data/loader.h"

#include <algorithm>
#include <chrono>

#include "lib/base/error.h"
#include "lib/data/corpora.h"
#include "lib/data/loader_worker.h"
#include "lib/data/text/shard_list.h"

namespace sy {
namespace {

LoaderPlace checked(const LoaderPlace& place) {
  SY_CHECK(place.num_streams > 0 && place.examples_per_stream > 0 && place.first_stream >= 0 &&
               place.first_stream + place.num_streams <= place.total_streams,
           "streams [{}, +{}) of {}, {} examples each", place.first_stream, place.num_streams,
           place.total_streams, place.examples_per_stream);
  return place;
}

}  // namespace

struct Loader::Impl {
  Impl(std::unique_ptr<ExampleSources> given, const LoaderPlace& wanted, int64_t threads_,
       int64_t ahead_)
      : sources(std::move(given)),
        place(checked(wanted)),
        threads(std::clamp<int64_t>(threads_, 1, place.num_streams)),
        ahead(ahead_),
        batch(static_cast<size_t>(place.num_streams * place.examples_per_stream)),
        shares(static_cast<size_t>(threads)) {
    for (int64_t i = 0; i < place.num_streams; ++i) {
      streams.push_back(sources->open(place.first_stream + i));
      states.push_back(streams.back()->state());
    }
  }

  ~Impl() {
    cancelled = true;
    sources->cancel();
    for (auto& worker : workers) worker->wake();
  }

  bool started() const { return !workers.empty(); }
  void start();
  void collect(size_t worker);

  const std::unique_ptr<ExampleSources> sources;
  const LoaderPlace place;
  const int64_t threads;
  const int64_t ahead;
  std::atomic<bool> cancelled{false};
  std::vector<std::unique_ptr<ExampleSource>> streams;  // until start() hands them to the workers
  std::vector<StreamState> states;                      // after the last batch returned
  std::vector<Example> batch;
  std::vector<WorkerBatch> shares;  // [threads]
  double wait_seconds = 0;
  std::vector<std::unique_ptr<LoaderWorker>> workers;  // last, so destroyed first
};

// Stream i of this rank belongs to thread i modulo threads.
void Loader::Impl::start() {
  std::vector<std::vector<std::unique_ptr<ExampleSource>>> shared(static_cast<size_t>(threads));
  for (size_t i = 0; i < streams.size(); ++i) {
    shared[i % shared.size()].push_back(std::move(streams[i]));
  }
  streams.clear();
  for (auto& own : shared) {
    workers.push_back(std::make_unique<LoaderWorker>(std::move(own), place.examples_per_stream,
                                                     ahead, cancelled));
  }
  for (auto& worker : workers) worker->start();
}

// Moves a worker's share of a batch to its places and advances the states of its streams.
void Loader::Impl::collect(size_t worker) {
  const auto each = static_cast<size_t>(place.examples_per_stream);
  WorkerBatch& share = shares[worker];
  for (size_t i = 0; i < share.steps.size(); ++i) {
    const size_t stream = i * workers.size() + worker;
    for (size_t e = 0; e < each; ++e) {
      std::swap(batch[stream * each + e], share.examples[i * each + e]);
    }
    apply(share.steps[i], states[stream]);
  }
}

Loader::Loader(std::unique_ptr<ExampleSources> sources, const LoaderPlace& place, int64_t threads,
               int64_t ahead)
    : impl_(std::make_unique<Impl>(std::move(sources), place, threads, ahead)) {}

Loader::Loader(const DataSection& data, const std::vector<std::string>& shards,
               const LoaderPlace& place, uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer)
    : Loader(make_example_sources(data, expand_globs(shards), checked(place), seed,
                                  std::move(tokenizer)),
             place, data.loader_threads, data.read_ahead_batches) {}

Loader::Loader(const DataSection& data, const LoaderPlace& place, uint64_t seed,
               std::shared_ptr<const Tokenizer> tokenizer)
    : Loader(make_corpus_sources(data, find_corpora(data, Split::train), checked(place), seed,
                                 std::move(tokenizer)),
             place, data.loader_threads, data.read_ahead_batches) {}

Loader::~Loader() = default;

const std::vector<Example>& Loader::next() {
  if (!impl_->started()) impl_->start();
  const auto begin = std::chrono::steady_clock::now();
  // Take every share first, so that an error leaves batch and states unchanged.
  for (size_t i = 0; i < impl_->workers.size(); ++i) impl_->workers[i]->take(impl_->shares[i]);
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
  impl_->wait_seconds += waited.count();
  for (size_t i = 0; i < impl_->workers.size(); ++i) impl_->collect(i);
  return impl_->batch;
}

const std::vector<StreamState>& Loader::state() const {
  return impl_->states;
}

void Loader::restore(const std::vector<StreamState>& states) {
  SY_CHECK(!impl_->started(), "a loader is restored after its first batch");
  SY_CHECK(states.size() == impl_->states.size(), "{} states for {} streams", states.size(),
           impl_->states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    SY_CHECK(states[i].stream == impl_->states[i].stream, "the state of stream {} for stream {}",
             states[i].stream, impl_->states[i].stream);
    impl_->streams[i]->restore(states[i]);
    impl_->states[i] = impl_->streams[i]->state();
  }
}

DataCounters Loader::counters() const {
  return impl_->sources->counters();
}

double Loader::wait_seconds() const {
  return impl_->wait_seconds;
}

}  // namespace sy
