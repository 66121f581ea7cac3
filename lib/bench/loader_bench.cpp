// SPDX-License-Identifier: Apache-2.0
#include "lib/bench/loader_bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/error.h"
#include "lib/data/corpora.h"
#include "lib/data/loader.h"
#include "lib/data/text/c4_reader.h"

namespace sy {
namespace {

constexpr double kSliceSeconds = 0.1;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<std::string> read_texts(const DataSection& data) {
  constexpr size_t kEnough = size_t{64} << 20;  // bytes
  Ledger ledger(data.on_bad_record);
  ReaderOptions options;
  options.max_document_bytes = data.max_document_bytes;
  options.text_key = data.text_key;
  std::vector<std::string> texts;
  size_t bytes = 0;
  const std::vector<Corpus> corpora = find_corpora(data, Split::train);
  for (const Corpus& corpus : corpora) {
    const size_t end = bytes + kEnough / corpora.size();
    for (const std::string& shard : corpus.shards) {
      C4Reader reader(shard, options, ledger);
      std::string_view text;
      while (bytes < end && reader.next(text)) {
        texts.emplace_back(text);
        bytes += text.size();
      }
    }
  }
  if (texts.empty()) throw DataError("the training shards contain no text to measure with");
  return texts;
}

// Work done and the time it took.
struct Progress {
  int64_t tokens = 0;
  double seconds = 0;
  double rate() const { return static_cast<double>(tokens) / seconds; }
  void operator+=(const Progress& other) {
    tokens += other.tokens;
    seconds += other.seconds;
  }
};

// Encodes the texts over and over on `threads` threads, starting at text `at`, which is advanced.
Progress time_tokenizer(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                        int64_t threads, double seconds, std::atomic<size_t>& at) {
  std::atomic<int64_t> tokens{0};
  const double begin = now();
  const auto encode = [&] {
    std::vector<int32_t> ids;
    while (now() - begin < seconds) {
      tokenizer.encode(texts[at++ % texts.size()], ids);
      tokens += static_cast<int64_t>(ids.size());
    }
  };
  std::vector<std::thread> workers;
  for (int64_t i = 0; i < threads; ++i) workers.emplace_back(encode);
  for (std::thread& worker : workers) worker.join();
  return {tokens, now() - begin};
}

// Waits until the loader has prepared as much as it may read ahead.
void wait_until_idle(const Loader& loader) {
  int64_t before = -1, tokens = loader.counters().tokens;
  while (tokens != before) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    before = tokens;
    tokens = loader.counters().tokens;
  }
}

// Runs an idle loader for `seconds`.
Progress time_loader(Loader& loader, double seconds) {
  const int64_t tokens = loader.counters().tokens;
  const double begin = now();
  while (now() - begin < seconds) loader.next();
  const Progress progress{loader.counters().tokens - tokens, now() - begin};
  wait_until_idle(loader);
  return progress;
}

}  // namespace

LoaderBench bench_loader(const DataSection& data, double seconds) {
  if (data.format == DataFormat::ids) {
    throw ConfigError(
        "bench --part loader compares with the tokenizer alone, and data.format: ids has none; "
        "use --part step --data real");
  }
  if (!data.tasks.empty()) {
    throw ConfigError(
        "bench --part loader reads text, and data.tasks are tokenised before training starts; use "
        "--part step --data real");
  }
  const auto tokenizer = std::make_shared<const Tokenizer>(data.tokenizer, data.extra_ids);
  const std::vector<std::string> texts = read_texts(data);
  LoaderPlace place;
  place.num_streams = place.total_streams = data.streams;
  place.examples_per_stream = 4;
  constexpr uint64_t kSeed = 1;
  Loader loader(data, place, kSeed, tokenizer);
  loader.next();  // waits for the shuffle buffers to fill
  wait_until_idle(loader);
  LoaderBench result;
  result.threads = std::clamp<int64_t>(data.loader_threads, 1, data.streams);
  result.rounds = std::max<int64_t>(1, std::llround(seconds / (2 * kSliceSeconds)));
  // Texts differ in speed: sum over passes of the whole corpus instead of taking medians of rounds.
  Progress loading, encoding;
  std::atomic<size_t> at{0};
  for (int64_t round = 0; round < result.rounds; ++round) {
    encoding += time_tokenizer(*tokenizer, texts, result.threads, kSliceSeconds, at);
    loading += time_loader(loader, kSliceSeconds);
  }
  result.loader_tokens_per_second = loading.rate();
  result.tokenizer_tokens_per_second = encoding.rate();
  result.ratio = loading.rate() / encoding.rate();
  return result;
}

}  // namespace sy
