// SPDX-License-Identifier: Apache-2.0
// The examples that a configuration asks for, whatever they are made of: of data.tasks, if it lists
// any, else of text.
#pragma once

#include <memory>
#include <vector>

#include "lib/data/corpora.h"

namespace sy {

// The examples of data.tasks: mixed by rate for training, with data.packing several in a row, with
// data.bucket_batches by length, and, in a single pass, those of validation one of each task in
// turn. Throws ConfigError for a task that is unknown or rates that sum to 0, DataError for files
// that hold something else.
std::unique_ptr<ExampleSources> make_task_sources(
    const DataSection& data, const LoaderPlace& place, uint64_t seed,
    const std::shared_ptr<const Tokenizer>& tokenizer);

// The same or, without tasks, make_corpus_sources() for `corpora`.
std::unique_ptr<ExampleSources> open_examples(const DataSection& data,
                                              const std::vector<Corpus>& corpora,
                                              const LoaderPlace& place, uint64_t seed,
                                              const std::shared_ptr<const Tokenizer>& tokenizer);

}  // namespace sy
