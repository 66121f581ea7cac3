// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/open_examples.h"

#include "lib/data/bucket_source.h"
#include "lib/data/mixture_source.h"
#include "lib/data/packed_source.h"
#include "lib/tasks/task_source.h"

namespace sy {

std::unique_ptr<ExampleSources> make_task_sources(
    const DataSection& data, const LoaderPlace& place, uint64_t seed,
    const std::shared_ptr<const Tokenizer>& tokenizer) {
  if (place.single_pass) {
    return std::make_unique<TaskSources>(data.tasks, data, place, seed, *tokenizer);
  }
  std::vector<MixturePart> parts;
  std::vector<PartSize> sizes;
  for (const TaskSection& task : data.tasks) {
    auto sources =
        std::make_unique<TaskSources>(std::span(&task, 1), data, place, seed, *tokenizer);
    sizes.push_back({task.name, static_cast<double>(sources->size()), task.rate});
    parts.push_back({task.name, 0, std::move(sources)});
  }
  const std::vector<double> rates = mixture_rates(data.mixture, sizes);
  for (size_t i = 0; i < parts.size(); ++i) parts[i].rate = rates[i];
  auto mixed = mix_sources(std::move(parts), place, seed);
  const ExampleLengths lengths{data.encoder_length, data.decoder_length.value};
  if (data.packing) return pack_sources(std::move(mixed), place, lengths);
  if (data.bucket_batches == 1) return mixed;
  return bucket_sources(std::move(mixed), place, data.bucket_batches, seed, lengths);
}

std::unique_ptr<ExampleSources> open_examples(const DataSection& data,
                                              const std::vector<Corpus>& corpora,
                                              const LoaderPlace& place, uint64_t seed,
                                              const std::shared_ptr<const Tokenizer>& tokenizer) {
  if (!data.tasks.empty()) return make_task_sources(data, place, seed, tokenizer);
  return make_corpus_sources(data, corpora, place, seed, tokenizer);
}

}  // namespace sy
