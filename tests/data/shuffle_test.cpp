// What the order of documents and windows must be, whatever the buffers' sizes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "lib/data/document_stream.h"
#include "lib/data/loader.h"
#include "lib/data/shuffle_buffer.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

using Ids = std::vector<int32_t>;

// Reads the numbers from 0 to `count` - 1 through a buffer, until it is empty.
std::vector<int64_t> through_buffer(ShuffleBuffer& buffer, int32_t count) {
  int32_t next = 0;
  const auto read = [&]() -> Document {
    return next == count ? nullptr : make_document(Ids{next++});
  };
  std::vector<int64_t> drawn;
  while (const Document document = buffer.draw(read)) drawn.push_back(document->front());
  return drawn;
}

// Sum of |place - number|.
int64_t footrule(const std::vector<int64_t>& order) {
  int64_t sum = 0;
  for (size_t i = 0; i < order.size(); ++i) sum += std::abs(order[i] - static_cast<int64_t>(i));
  return sum;
}

// Numbers that follow their predecessor.
int64_t successions(const std::vector<int64_t>& order) {
  int64_t count = 0;
  for (size_t i = 1; i < order.size(); ++i) count += order[i] == order[i - 1] + 1;
  return count;
}

// Of uniformly drawn permutations of n the footrule has mean (n^2 - 1) / 3 and variance
// (n + 1)(2 n^2 + 7) / 45 (Diaconis and Graham 1977); successions are Poisson of mean 1, nearly.
TEST_CASE("shuffle: a buffer of the whole corpus is a uniform shuffle", "[shuffle]") {
  constexpr int32_t kCount = 200;
  constexpr double n = kCount;
  const double mean = (n * n - 1) / 3, deviation = std::sqrt((n + 1) * (2 * n * n + 7) / 45);
  int64_t first_places = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    ShuffleBuffer buffer(kCount, kCount, {seed, 0, site::kData});
    const std::vector<int64_t> order = through_buffer(buffer, kCount);
    CHECK(std::set<int64_t>(order.begin(), order.end()).size() == kCount);
    REQUIRE(order.size() == kCount);
    CHECK(std::abs(static_cast<double>(footrule(order)) - mean) < 5 * deviation);
    CHECK(successions(order) < 9);  // p < 2e-6
    first_places += order.front();
  }
  // 50 draws of a number uniform below n: deviation n / sqrt(12 * 50).
  CHECK(std::abs(static_cast<double>(first_places) / 50 - (n - 1) / 2) < 5 * n / std::sqrt(600));
}

// Once full, each document held is drawn with chance p = 1 / capacity: its wait is a geometric
// variable of variance (1 - p) / p^2. Its mean says nothing, being the buffer's size in any order.
// The variance of n such variables deviates by sqrt(8 / n) of itself, the kurtosis being about 9.
TEST_CASE("shuffle: a smaller buffer draws all it holds with the same chance", "[shuffle]") {
  constexpr size_t kCapacity = 40;
  constexpr int32_t kCount = 4000;
  const bool filled_first = GENERATE(true, false);
  ShuffleBuffer buffer(kCapacity, filled_first ? kCapacity : 2, {3, 0, site::kData});
  const std::vector<int64_t> order = through_buffer(buffer, kCount);
  REQUIRE(order.size() == kCount);
  double count = 0, squares = 0;
  for (size_t place = 0; place < order.size(); ++place) {
    if (order[place] < 400 || order[place] > 3400) continue;
    const double late = static_cast<double>(place) - static_cast<double>(order[place]);
    squares += late * late;  // the wait, less its mean: it was read kCapacity - 1 draws before
    ++count;
  }
  const double variance = kCapacity * (kCapacity - 1.0);
  CHECK(std::abs(squares / count / variance - 1) < 5 * std::sqrt(8 / count));
}

TEST_CASE("shuffle: a buffer that grows reads two for each it gives", "[shuffle]") {
  int32_t next = 0;
  const auto read = [&] { return make_document(Ids{next++}); };
  ShuffleBuffer buffer(10, 2, {3, 0, site::kData});
  for (int32_t drawn = 1; drawn <= 30; ++drawn) {
    buffer.draw(read);
    CHECK(next == std::min(2 * drawn, drawn + 9));
  }
}

// One example at a time from each stream.
std::unique_ptr<Loader> open_loader(const DataSection& data) {
  LoaderPlace place;
  place.total_streams = place.num_streams = data.streams;
  return std::make_unique<Loader>(data, data.train, place, 5, small_tokenizer());
}

// The documents whose last token `windows`, joined, have reached; eos ends a document.
std::vector<Ids> documents_of(const std::vector<Ids>& windows) {
  std::vector<Ids> documents;
  Ids document;
  for (const Ids& window : windows) {
    for (const int32_t id : window) {
      if (id != 1) {
        document.push_back(id);
        continue;
      }
      documents.push_back(document);
      document.clear();
    }
  }
  return documents;
}

// [stream][epoch]: documents in the order of the shards.
std::vector<std::vector<std::vector<Ids>>> documents_by_epoch(const DataSection& data,
                                                              int64_t epochs) {
  const ShardList list(expand_globs(data.train), data.streams, 5);
  Ledger ledger(BadRecordPolicy::fail);
  BarrenUnits barren(list.units());
  ShardCache cache(1 << 20);
  const DocumentSources sources{list, *small_tokenizer(), ledger, barren, cache, 5};
  std::vector<std::vector<std::vector<Ids>>> all(static_cast<size_t>(data.streams));
  for (int64_t v = 0; v < data.streams; ++v) {
    DocumentStream stream(sources, v);
    auto& own = all[static_cast<size_t>(v)];
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      own.emplace_back();
      while (const Document document = stream.next()) {
        own.back().emplace_back(document->begin(), document->end());
      }
      stream.begin_epoch();
    }
  }
  return all;
}

// Whether documents [begin, begin + epoch.size()) of `seen` are those of `epoch` in any order.
bool holds_epoch(const std::vector<Ids>& seen, size_t begin, std::vector<Ids> epoch) {
  const auto from = seen.begin() + static_cast<int64_t>(begin);
  std::vector<Ids> part(from, from + static_cast<int64_t>(epoch.size()));
  std::sort(part.begin(), part.end());
  std::sort(epoch.begin(), epoch.end());
  return part == epoch;
}

std::vector<Ids> corpus_of(const std::string& folder) {
  std::vector<Ids> all;
  Ledger ledger(BadRecordPolicy::fail);
  for (const std::string& shard : expand_globs({folder + "/*.gz"})) {
    C4Reader reader(shard, {}, ledger);
    std::string_view text;
    while (reader.next(text)) all.push_back(small_tokenizer()->encode(text));
  }
  return all;
}

TEST_CASE("shuffle: a pass shows every document once, whatever the buffer", "[shuffle]") {
  constexpr int64_t kEpochs = 3;
  const int64_t shards = GENERATE(3, 8), streams = GENERATE(1, 2, 4, 8);
  const std::string folder = make_shards(shards, 9);
  const std::vector<Ids> corpus = corpus_of(folder);
  const auto count = static_cast<int64_t>(corpus.size());
  for (const int64_t buffer : {int64_t{1}, int64_t{3}, count, 10 * count}) {
    DataSection data = small_section(folder + "/*.gz");
    data.streams = streams;
    data.shuffle_buffer = buffer;
    data.document_separator = Separator::eos;
    CAPTURE(shards, streams, buffer);
    const auto expected = documents_by_epoch(data, kEpochs);
    const auto loader = open_loader(data);
    std::vector<std::vector<Ids>> windows(static_cast<size_t>(streams));
    for (int64_t batch = 0; batch < 12 * count / streams + 20; ++batch) {
      for (const Example& example : loader->next()) {
        windows[static_cast<size_t>(example.stream)].push_back(window_of(example));
      }
    }
    std::vector<std::vector<Ids>> shown(kEpochs);
    bool in_file_order = true;
    for (size_t v = 0; v < windows.size(); ++v) {
      const std::vector<Ids> seen = documents_of(windows[v]);
      size_t begin = 0;
      for (size_t epoch = 0; epoch < kEpochs; ++epoch) {
        const std::vector<Ids>& own = expected[v][epoch];
        REQUIRE(begin + own.size() <= seen.size());
        CHECK(holds_epoch(seen, begin, own));
        const auto from = seen.begin() + static_cast<int64_t>(begin);
        in_file_order &= std::equal(own.begin(), own.end(), from);
        shown[epoch].insert(shown[epoch].end(), from, from + static_cast<int64_t>(own.size()));
        begin += own.size();
      }
    }
    for (const auto& epoch : shown) CHECK(holds_epoch(epoch, 0, corpus));
    CHECK(in_file_order == (buffer == 1));
  }
}

// A shuffle buffer of ten million documents holds the corpus and no more.
TEST_CASE("shuffle: a buffer far larger than the corpus is filled once", "[shuffle]") {
  DataSection data = small_section(make_shards(2, 20) + "/*.gz");
  data.streams = 1;
  data.shuffle_buffer = 10'000'000;
  data.read_ahead_batches = 1;
  const auto loader = open_loader(data);
  loader->next();
  CHECK(loader->counters().documents <= 40);
  CHECK(loader->state()[0].buffers[0].size() < 40);
}

}  // namespace
}  // namespace sy
