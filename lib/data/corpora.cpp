// SPDX-License-Identifier: Apache-2.0
#include "lib/data/corpora.h"

#include <algorithm>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/data/mixture_source.h"
#include "lib/data/text/shard_list.h"
#include "lib/data/window_source.h"

namespace sy {
namespace {

// A shard that cannot be read has no size here; it is reported where it is opened.
double bytes_of(const std::vector<std::string>& shards) {
  double bytes = 0;
  for (const std::string& shard : shards) {
    std::error_code fault;
    const auto size = std::filesystem::file_size(shard, fault);
    if (!fault) bytes += static_cast<double>(size);
  }
  return bytes;
}

}  // namespace

std::vector<double> corpus_rates(const DataSection& data, const std::vector<Corpus>& corpora) {
  if (is_single_text(corpora)) return {1.0};
  SY_CHECK(corpora.size() == data.corpora.size(), "shards of {} corpora, and {} in data.corpora",
           corpora.size(), data.corpora.size());
  std::vector<PartSize> sizes;
  for (size_t i = 0; i < corpora.size(); ++i) {
    const CorpusSection& section = data.corpora[i];
    const double size = section.size.is_auto ? bytes_of(corpora[i].shards) : section.size.value;
    sizes.push_back({section.name, size, section.rate});
  }
  return mixture_rates(data.mixture, sizes);
}

std::vector<Corpus> find_corpora(const DataSection& data, Split split) {
  if (!data.tasks.empty()) return {Corpus{}};
  const bool train = split == Split::train;
  if (data.corpora.empty()) return {{"", expand_globs(train ? data.train : data.validation)}};
  std::vector<Corpus> corpora;
  for (const CorpusSection& section : data.corpora) {
    const std::vector<std::string>& globs = train ? section.train : section.validation;
    if (train || !globs.empty()) corpora.push_back({section.name, expand_globs(globs)});
  }
  return corpora;
}

bool is_single_text(const std::vector<Corpus>& corpora) {
  return corpora.size() == 1 && corpora.front().name.empty();
}

std::unique_ptr<ExampleSources> make_corpus_sources(const DataSection& data,
                                                    const std::vector<Corpus>& corpora,
                                                    const LoaderPlace& place, uint64_t seed,
                                                    std::shared_ptr<const Tokenizer> tokenizer) {
  if (is_single_text(corpora)) {
    return make_example_sources(data, corpora.front().shards, place, seed, std::move(tokenizer));
  }
  const std::vector<double> rates = corpus_rates(data, corpora);
  const size_t cache = WindowSources::kCacheBytes / corpora.size();
  std::vector<MixturePart> parts;
  for (size_t i = 0; i < corpora.size(); ++i) {
    parts.push_back({corpora[i].name, rates[i],
                     std::make_unique<WindowSources>(data, corpora[i].shards, place,
                                                     part_seed(seed, i), tokenizer, cache)});
  }
  return mix_sources(std::move(parts), place, seed);
}

}  // namespace sy
