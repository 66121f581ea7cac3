// SPDX-License-Identifier: Apache-2.0
// The texts of a run: those of data.corpora, or the one of data.train and data.validation. Whatever
// lists, reads or reports shards goes through these.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/data/example_source.h"

namespace sy {

enum class Split : uint8_t { train, validation };

struct Corpus {
  std::string name;                 // "": the only text of a run without data.corpora
  std::vector<std::string> shards;  // paths, in the order in which they are read
};

// In the order of the configuration, which is that of Example.part. Corpora without validation
// shards have no place in that split. With data.tasks, one without name and shards. Throws
// DataError as expand_globs() does.
std::vector<Corpus> find_corpora(const DataSection& data, Split split);

// Whether the run has this text as its only one, without a name.
bool is_single_text(const std::vector<Corpus>& corpora);

// Their rates in the mixture (mixture_rates), by data.corpora and data.mixture; the size of a
// corpus that is auto is the bytes of its shards. Of a single text, 1. `corpora` are all of the
// configuration's.
std::vector<double> corpus_rates(const DataSection& data, const std::vector<Corpus>& corpora);

// Examples for training. Each is drawn from a corpus by its rate (mixture_source.h). A corpus has
// shuffle buffers of its own, and data.max_bad_shards holds for each. A single text is not mixed.
// Throws as make_example_sources() and mixture_rates() do.
std::unique_ptr<ExampleSources> make_corpus_sources(const DataSection& data,
                                                    const std::vector<Corpus>& corpora,
                                                    const LoaderPlace& place, uint64_t seed,
                                                    std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace sy
