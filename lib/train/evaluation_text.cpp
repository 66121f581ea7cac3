// SPDX-License-Identifier: Apache-2.0
#include "lib/train/evaluation_text.h"

#include <algorithm>

#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/tasks/open_examples.h"

namespace sy {
namespace {

// The validation text in its own order.
DataSection in_order(DataSection data) {
  data.shuffle_buffer = data.example_buffer = 1;
  data.read_ahead_batches = 1;
  return data;
}

bool is_empty(const Example& example) {
  return example.inputs.empty();
}

int64_t count_sequences(const std::vector<Example>& examples) {
  return std::ssize(examples) - std::count_if(examples.begin(), examples.end(), is_empty);
}

// Puts the examples of later batches in the places of a batch that streams with less text leave
// empty, until it is full or the text ends.
std::vector<Example> fill_places(Loader& loader) {
  std::vector<Example> batch = loader.next();
  auto place = batch.begin();
  while (true) {
    bool ended = true;
    for (const Example& example : loader.next()) {
      if (is_empty(example)) continue;
      ended = false;
      place = std::find_if(place, batch.end(), is_empty);
      if (place == batch.end()) return batch;
      *place = example;
    }
    if (ended) return batch;
  }
}

}  // namespace

EvaluationText::EvaluationText(Session& session, Corpus corpus, int64_t sequences)
    : session_(session),
      corpus_(std::move(corpus)),
      sequences_(sequences),
      batch_(session.exec, div_exact(sequences, session.mesh.shape().data()),
             session.config.train.micro_batch, session.config.data.encoder_length,
             session.config.data.decoder_length.value, special_ids(session.config.model),
             session.config.data.packing) {
  LoaderPlace place = session.loader_place(sequences);
  place.single_pass = true;
  std::vector<Example> examples = read(place);
  auto count = static_cast<double>(count_sequences(examples));
  session.mesh.host_data().all_reduce_sum(Tensor(&count, DType::f64, {1}), "sequences");
  found_ = static_cast<int64_t>(count);
  if (found_ < sequences_) examples = read_all(place);
  batch_.fill(examples);
}

int64_t EvaluationText::first_sequence() const {
  return div_exact(sequences_, session_.mesh.shape().data()) * session_.mesh.data_rank();
}

Loader EvaluationText::open(const LoaderPlace& place) const {
  const DataSection data = in_order(session_.config.data);
  const auto seed = static_cast<uint64_t>(session_.config.run.seed);
  return {open_examples(data, {Corpus{"", corpus_.shards}}, place, seed, session_.tokenizer), place,
          data.loader_threads, data.read_ahead_batches};
}

std::string EvaluationText::described() const {
  return corpus_.name.empty() ? "the validation text"
                              : fmt::format("the validation text of {}", corpus_.name);
}

// This rank's examples of a batch.
std::vector<Example> EvaluationText::read(const LoaderPlace& place) {
  Loader loader = open(place);
  std::vector<Example> examples = loader.next();
  counters_ = loader.counters();
  return examples;
}

// The same if streams are short of text: every rank then reads all of it, to take what the others
// have more. Sets the number of sequences.
std::vector<Example> EvaluationText::read_all(const LoaderPlace& place) {
  LoaderPlace whole = place;
  whole.first_stream = 0;
  whole.num_streams = place.total_streams;
  Loader loader = open(whole);
  const std::vector<Example> all = fill_places(loader);
  found_ = count_sequences(all);
  if (found_ == 0) {
    throw DataError(
        fmt::format("{} gives no sequence; correct data.validation or data.corpora", described()));
  }
  if (found_ < sequences_ && log::rank() == 0) {
    log::warn(
        "one pass over {} gives {} sequences, fewer than the {} of train.eval_sequences: "
        "evaluations use these {}",
        described(), found_, sequences_, found_);
  }
  const auto first = all.begin() + place.first_stream * place.examples_per_stream;
  return {first, first + place.num_streams * place.examples_per_stream};
}

}  // namespace sy
