#include "lib/data/loader.h"

#include <algorithm>
#include <chrono>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/data/byte_source.h"
#include "lib/data/loader_worker.h"

namespace sy {
namespace {

// The shards, once it is known that one of them can be opened (under `fail`: the first).
std::vector<std::string> openable(std::vector<std::string> shards, BadRecordPolicy policy) {
  std::string first_reason;
  for (const std::string& shard : shards) {
    try {
      open_shard(shard);
      return shards;
    } catch (const ShardFault& fault) {
      if (first_reason.empty()) first_reason = fault.what();
      if (policy == BadRecordPolicy::fail) break;
    }
  }
  throw DataError(fmt::format(
      "the shard {} {}{}; correct its permissions or data.train and "
      "data.validation",
      shards.front(), first_reason, policy == BadRecordPolicy::fail ? "" : ", nor can any other"));
}

LoaderPlace checked(const LoaderPlace& place) {
  SY_CHECK(place.num_streams > 0 && place.examples_per_stream > 0 && place.first_stream >= 0 &&
               place.first_stream + place.num_streams <= place.total_streams,
           "streams [{}, +{}) of {}, {} examples each", place.first_stream, place.num_streams,
           place.total_streams, place.examples_per_stream);
  return place;
}

}  // namespace

struct Loader::Impl {
  Impl(const DataSection& data, const std::vector<std::string>& patterns, const LoaderPlace& place,
       uint64_t seed, std::shared_ptr<const Tokenizer> given)
      : tokenizer(std::move(given)),
        plan(make_example_plan(data, checked(place), seed, *tokenizer)),
        ledger(data.on_bad_record),
        shards(openable(expand_globs(patterns), data.on_bad_record), place.total_streams, seed),
        barren(shards.units()),
        sources{shards,    *tokenizer, ledger, barren, cache, seed, data.max_document_bytes,
                &cancelled},
        threads(std::clamp<int64_t>(data.loader_threads, 1, place.num_streams)),
        ahead(data.read_ahead_batches),
        states(static_cast<size_t>(place.num_streams)),
        batch(static_cast<size_t>(place.num_streams * place.examples_per_stream)),
        shares(static_cast<size_t>(threads)) {
    for (size_t i = 0; i < states.size(); ++i) {
      states[i].stream = place.first_stream + static_cast<int64_t>(i);
    }
  }

  ~Impl() {
    cancelled = true;
    for (auto& worker : workers) worker->wake();
  }

  bool started() const { return !workers.empty(); }
  void start();
  void collect(size_t worker);

  const std::shared_ptr<const Tokenizer> tokenizer;
  const ExamplePlan plan;
  Ledger ledger;
  const ShardList shards;
  BarrenUnits barren;
  ShardCache cache{size_t{32} << 20};
  std::atomic<bool> cancelled{false};
  const DocumentSources sources;
  const int64_t threads;
  const int64_t ahead;
  std::vector<StreamState> states;  // after the batch last given
  std::vector<Example> batch;
  std::vector<WorkerBatch> shares;  // [threads]
  double wait_seconds = 0;
  std::vector<std::unique_ptr<LoaderWorker>> workers;  // last: ended first
};

// Stream i of this rank belongs to thread i modulo threads.
void Loader::Impl::start() {
  std::vector<std::vector<std::unique_ptr<ExampleStream>>> streams(static_cast<size_t>(threads));
  for (size_t i = 0; i < states.size(); ++i) {
    auto stream = std::make_unique<ExampleStream>(sources, plan, states[i].stream);
    stream->restore(states[i]);
    streams[i % streams.size()].push_back(std::move(stream));
  }
  for (auto& own : streams) {
    workers.push_back(std::make_unique<LoaderWorker>(std::move(own), plan.place.examples_per_stream,
                                                     ahead, cancelled));
  }
  for (auto& worker : workers) worker->start();
}

// Moves a worker's share of a batch to its places, and its streams' states on.
void Loader::Impl::collect(size_t worker) {
  const auto each = static_cast<size_t>(plan.place.examples_per_stream);
  WorkerBatch& share = shares[worker];
  for (size_t i = 0; i < share.steps.size(); ++i) {
    const size_t stream = i * workers.size() + worker;
    for (size_t e = 0; e < each; ++e) {
      std::swap(batch[stream * each + e], share.examples[i * each + e]);
    }
    apply(share.steps[i], states[stream]);
  }
}

Loader::Loader(const DataSection& data, const std::vector<std::string>& shards,
               const LoaderPlace& place, uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer)
    : impl_(std::make_unique<Impl>(data, shards, place, seed, std::move(tokenizer))) {}

Loader::~Loader() = default;

const std::vector<Example>& Loader::next() {
  if (!impl_->started()) impl_->start();
  const auto begin = std::chrono::steady_clock::now();
  // All shares first: an error leaves batch and states as they were.
  for (size_t i = 0; i < impl_->workers.size(); ++i) impl_->workers[i]->take(impl_->shares[i]);
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
  impl_->wait_seconds += waited.count();
  for (size_t i = 0; i < impl_->workers.size(); ++i) impl_->collect(i);
  return impl_->batch;
}

const std::vector<StreamState>& Loader::state() const {
  return impl_->states;
}

void Loader::restore(std::vector<StreamState> states) {
  SY_CHECK(!impl_->started(), "a loader is restored after its first batch");
  SY_CHECK(states.size() == impl_->states.size(), "{} states for {} streams", states.size(),
           impl_->states.size());
  const size_t capacity = impl_->plan.shuffle_buffer;
  for (size_t i = 0; i < states.size(); ++i) {
    SY_CHECK(states[i].stream == impl_->states[i].stream, "the state of stream {} for stream {}",
             states[i].stream, impl_->states[i].stream);
    check_restorable(states[i], capacity, impl_->tokenizer->size());
  }
  impl_->states = std::move(states);
}

DataCounters Loader::counters() const {
  return impl_->ledger.counters();
}

double Loader::wait_seconds() const {
  return impl_->wait_seconds;
}

}  // namespace sy
