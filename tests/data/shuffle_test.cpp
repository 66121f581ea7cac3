// SPDX-License-Identifier: Apache-2.0
// The order of documents and windows, for every size of the buffers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "lib/data/loader.h"
#include "lib/data/text/document_stream.h"
#include "lib/data/text/shuffle_buffer.h"
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
  ShardHealth health(list, 0);
  ShardCache cache(1 << 20);
  const DocumentSources sources{list, *small_tokenizer(), ledger, health, cache, 5};
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
    data.example_buffer = 1;
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

TEST_CASE("shuffle: a single pass gives all text once, in order, and then empty examples",
          "[shuffle]") {
  DataSection data = small_section(make_shards(3, 9) + "/*.gz");
  data.streams = GENERATE(1, 2, 4, 8, 40);
  data.shuffle_buffer = data.example_buffer = 1;
  data.document_separator = Separator::eos;
  CAPTURE(data.streams);
  LoaderPlace place;
  place.total_streams = place.num_streams = data.streams;
  place.single_pass = true;
  Loader loader(data, data.train, place, 5, small_tokenizer());
  std::vector<Ids> text(static_cast<size_t>(data.streams));
  std::vector<size_t> shorter(text.size(), 0);
  size_t length = 0;
  for (int64_t batch = 0; batch < 400 / data.streams + 5; ++batch) {
    for (const Example& example : loader.next()) {
      const auto v = static_cast<size_t>(example.stream);
      if (example.inputs.empty()) {
        CHECK(example.targets.empty());
        ++shorter[v];
        continue;
      }
      CHECK(shorter[v] == 0);  // nothing after the end
      const Ids window = window_of(example);
      length = std::max(length, window.size());
      if (window.size() < length) ++shorter[v];
      text[v].insert(text[v].end(), window.begin(), window.end());
    }
  }
  const auto expected = documents_by_epoch(data, 1);
  for (size_t v = 0; v < text.size(); ++v) {
    Ids whole;
    for (const Ids& document : expected[v][0]) {
      whole.insert(whole.end(), document.begin(), document.end());
      whole.push_back(1);
    }
    CHECK(shorter[v] > 0);
    REQUIRE(text[v].size() <= whole.size());
    CHECK(whole.size() - text[v].size() <= 1);  // a token alone makes no example
    CHECK(std::equal(text[v].begin(), text[v].end(), whole.begin()));
  }
}

TEST_CASE("shuffle: a buffer far larger than the corpus is filled once", "[shuffle]") {
  DataSection data = small_section(make_shards(2, 20) + "/*.gz");
  data.streams = 1;
  data.shuffle_buffer = 10'000;
  data.read_ahead_batches = 1;
  const auto loader = open_loader(data);
  loader->next();
  CHECK(loader->counters().documents <= 40);
  CHECK(loader->state()[0].buffers[0].size() < 40);
}

// The windows of `batches` batches of one example a stream, [stream].
std::vector<std::vector<Ids>> windows_of(const DataSection& data, int64_t batches) {
  const auto loader = open_loader(data);
  std::vector<std::vector<Ids>> windows(static_cast<size_t>(data.streams));
  for (int64_t batch = 0; batch < batches; ++batch) {
    for (const Example& example : loader->next()) {
      windows[static_cast<size_t>(example.stream)].push_back(window_of(example));
    }
  }
  return windows;
}

// How many of `windows`, in text order, end in each epoch, given what the epochs' documents and
// their separators hold.
std::vector<size_t> windows_by_epoch(const std::vector<std::vector<Ids>>& epochs, size_t length) {
  std::vector<size_t> counts;
  size_t tokens = 0, before = 0;
  for (const std::vector<Ids>& epoch : epochs) {
    for (const Ids& document : epoch) tokens += document.size() + 1;
    counts.push_back(tokens / length - before);
    before = tokens / length;
  }
  return counts;
}

TEST_CASE("shuffle: windows are shuffled within their epoch", "[shuffle]") {
  DataSection data = small_section(make_shards(4, 20) + "/*.gz");
  data.streams = GENERATE(1, 2, 4);
  data.document_separator = Separator::eos;
  data.example_buffer = 1;
  constexpr int64_t kEpochs = 3;
  const auto documents = documents_by_epoch(data, kEpochs);
  const int64_t batches = 300 / data.streams;
  const auto in_text_order = windows_of(data, batches);
  data.example_buffer = GENERATE(5, 1000);
  const auto shuffled = windows_of(data, batches);
  for (size_t v = 0; v < shuffled.size(); ++v) {
    size_t begin = 0;
    for (const size_t count : windows_by_epoch(documents[v], in_text_order[v][0].size())) {
      const auto from = in_text_order[v].begin() + static_cast<int64_t>(begin);
      REQUIRE(begin + count <= in_text_order[v].size());
      CHECK(count > 5);
      const std::vector<Ids> epoch(from, from + static_cast<int64_t>(count));
      CHECK(holds_epoch(shuffled[v], begin, epoch));
      const auto given = shuffled[v].begin() + static_cast<int64_t>(begin);
      CHECK_FALSE(std::equal(epoch.begin(), epoch.end(), given));
      begin += count;
    }
  }
}

// If the streams shared draws, their orders would be the same.
TEST_CASE("shuffle: every stream has draws of its own", "[shuffle]") {
  DataSection data = small_section(make_shards(2, 40) + "/*.gz");
  data.streams = 2;
  data.example_buffer = 1;
  const auto in_text_order = windows_of(data, 40);
  data.example_buffer = 20;
  const auto shuffled = windows_of(data, 10);
  std::vector<int64_t> orders[2];
  for (size_t v = 0; v < 2; ++v) {
    for (const Ids& window : shuffled[v]) {
      const auto& text = in_text_order[v];
      orders[v].push_back(std::find(text.begin(), text.end(), window) - text.begin());
    }
    CHECK(*std::max_element(orders[v].begin(), orders[v].end()) < 20);
  }
  CHECK(orders[0] != orders[1]);
}

// Documents of about 50 windows each. In a buffer of s windows the neighbours of the one before are
// drawn with a chance of at most 2 / s; their number is Poisson of at most the sum, nearly.
TEST_CASE("shuffle: neighbouring windows share a routing group no more than by chance",
          "[shuffle]") {
  constexpr size_t kGroups = 400, kBuffer = 100;
  const std::string folder = temporary_folder();
  std::string lines;
  for (uint64_t document = 0; document < 20; ++document) {
    lines += record(made_up_text(document, 1400));
  }
  write_file(folder + "/long.jsonl", lines);
  DataSection data = small_section(folder + "/long.jsonl");
  data.streams = 1;
  data.example_buffer = 1;
  const std::vector<Ids> in_text_order = windows_of(data, 2 * kGroups + kBuffer)[0];
  std::map<Ids, int64_t> number;
  for (size_t i = 0; i < in_text_order.size(); ++i) {
    number[in_text_order[i]] = static_cast<int64_t>(i);
  }
  REQUIRE(number.size() == in_text_order.size());
  data.example_buffer = kBuffer;
  const std::vector<Ids> shuffled = windows_of(data, 2 * kGroups)[0];
  int64_t together = 0;
  double expected = 0;
  for (size_t group = 0; group < kGroups; ++group) {
    const size_t second = 2 * group + 1;
    together += std::abs(number.at(shuffled[second - 1]) - number.at(shuffled[second])) == 1;
    expected += 2 / static_cast<double>(std::min(kBuffer, second + 2));
  }
  CHECK(expected < 0.05 * kGroups);
  CHECK(static_cast<double>(together) < expected + 5 * std::sqrt(expected));
}

bool operator==(const Example& a, const Example& b) {
  return a.index == b.index && a.stream == b.stream && a.inputs == b.inputs &&
         a.targets == b.targets;
}

// The examples of `batches` batches that follow `states`.
std::vector<Example> examples_after(const DataSection& data, const std::vector<StreamState>& states,
                                    size_t batches) {
  const auto loader = open_loader(data);
  loader->restore(states);
  std::vector<Example> examples;
  for (size_t i = 0; i < batches; ++i) {
    const std::vector<Example>& batch = loader->next();
    examples.insert(examples.end(), batch.begin(), batch.end());
  }
  return examples;
}

struct Straight {
  std::vector<std::vector<int32_t>> states;  // [batch * streams + stream], before the batch
  std::vector<Example> examples;             // [batch * streams + stream]
};

Straight run_straight(const DataSection& data, size_t batches) {
  Straight run;
  const auto loader = open_loader(data);
  for (size_t i = 0; i < batches; ++i) {
    for (const StreamState& state : loader->state()) run.states.push_back(serialize(state));
    const std::vector<Example>& batch = loader->next();
    run.examples.insert(run.examples.end(), batch.begin(), batch.end());
  }
  return run;
}

bool same(const std::vector<Example>& a, const Example* b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i])) return false;
  }
  return true;
}

std::vector<StreamState> states_of(const Straight& run, size_t batch) {
  std::vector<StreamState> states;
  for (size_t v = 0; v < 2; ++v) {
    states.push_back(parse_stream_state(run.states[batch * 2 + v], "x"));
  }
  return states;
}

// Two streams through more than two epochs, resumed before every example of them.
TEST_CASE("shuffle: resumes exactly from every point of two epochs", "[shuffle]") {
  DataSection data = small_section(make_shards(2, 8) + "/*.gz");
  data.streams = 2;
  data.shuffle_buffer = GENERATE(1, 4, 100);
  data.example_buffer = GENERATE(1, 4, 100);
  constexpr size_t kBatches = 50;
  const Straight run = run_straight(data, kBatches);
  for (size_t batch = 0; batch < kBatches; ++batch) {
    CAPTURE(data.shuffle_buffer, data.example_buffer, batch);
    const size_t left = std::min<size_t>(kBatches - batch, 20);
    CHECK(same(examples_after(data, states_of(run, batch), left), &run.examples[batch * 2]));
  }
  for (const StreamState& state : states_of(run, kBatches - 1)) {
    CHECK(state.numbers.at(4) >= 2);  // two epochs of windows are behind
  }
}

TEST_CASE("shuffle: whatever is lost of a position shows after a resume", "[shuffle]") {
  DataSection data = small_section(make_shards(2, 60) + "/*.gz");
  data.streams = 2;
  data.shuffle_buffer = data.example_buffer = 6;
  const Straight run = run_straight(data, 60);
  constexpr size_t kBatch = 25, kLeft = 35;
  const auto resumes = [&](const std::function<void(StreamState&)>& change) {
    std::vector<StreamState> states = states_of(run, kBatch);
    change(states[1]);
    return same(examples_after(data, states, kLeft), &run.examples[kBatch * 2]);
  };
  CHECK(resumes([](StreamState&) {}));
  CHECK_FALSE(resumes([](StreamState& state) { ++state.numbers[0]; }));  // unit
  CHECK_FALSE(resumes([](StreamState& state) { ++state.numbers[1]; }));  // record
  CHECK_FALSE(resumes([](StreamState& state) { ++state.numbers[2]; }));  // draws of documents
  CHECK_FALSE(resumes([](StreamState& state) { ++state.numbers[3]; }));  // draws of windows
  CHECK_FALSE(resumes([](StreamState& state) { ++state.examples; }));
  CHECK_FALSE(resumes([](StreamState& state) { state.tokens.pop_back(); }));
  for (const size_t buffer : {0, 1}) {
    for (const StreamState& state : states_of(run, kBatch)) {
      REQUIRE(state.buffers.at(buffer).size() >= 2);
    }
    CHECK_FALSE(resumes([&](StreamState& state) { state.buffers[buffer].pop_back(); }));
    CHECK_FALSE(resumes([&](StreamState& state) {
      std::swap(state.buffers[buffer].at(0), state.buffers[buffer].at(1));
    }));
  }
}

}  // namespace
}  // namespace sy
