// SPDX-License-Identifier: Apache-2.0
#include "lib/train/evaluate.h"

#include <algorithm>

#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/tensor/transfer.h"
#include "lib/train/log/router_summary.h"

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

Evaluator::Evaluator(Session& session, const std::vector<std::string>& shards, int64_t sequences)
    : session_(session),
      sequences_(sequences),
      batch_(session.exec, div_exact(sequences, session.mesh.shape().data()),
             session.config.train.micro_batch, session.config.data.encoder_length,
             session.config.data.decoder_length.value, special_ids(session.config.model),
             session.config.data.packing) {
  LoaderPlace place = session.loader_place(sequences);
  place.single_pass = true;
  std::vector<Example> examples = read(shards, place);
  auto count = static_cast<double>(count_sequences(examples));
  session.mesh.host_data().all_reduce_sum(Tensor(&count, DType::f64, {1}), "sequences");
  found_ = static_cast<int64_t>(count);
  if (found_ < sequences_) examples = read_all(shards, place);
  batch_.fill(examples);
}

// This rank's examples of a batch.
std::vector<Example> Evaluator::read(const std::vector<std::string>& shards,
                                     const LoaderPlace& place) {
  Loader loader(in_order(session_.config.data), shards, place,
                static_cast<uint64_t>(session_.config.run.seed), session_.tokenizer);
  std::vector<Example> examples = loader.next();
  counters_ = loader.counters();
  return examples;
}

// The same if streams are short of text: every rank then reads all of it, to take what the others
// have more. Sets the number of sequences.
std::vector<Example> Evaluator::read_all(const std::vector<std::string>& shards,
                                         const LoaderPlace& place) {
  LoaderPlace whole = place;
  whole.first_stream = 0;
  whole.num_streams = place.total_streams;
  Loader loader(in_order(session_.config.data), shards, whole,
                static_cast<uint64_t>(session_.config.run.seed), session_.tokenizer);
  const std::vector<Example> all = fill_places(loader);
  found_ = count_sequences(all);
  if (found_ == 0) {
    throw DataError("the validation text gives no sequence; correct data.validation");
  }
  if (found_ < sequences_ && log::rank() == 0) {
    log::warn(
        "one pass over the validation text gives {} sequences, fewer than the {} of "
        "train.eval_sequences: evaluations use these {}",
        found_, sequences_, found_);
  }
  const auto first = all.begin() + place.first_stream * place.examples_per_stream;
  return {first, first + place.num_streams * place.examples_per_stream};
}

Evaluation Evaluator::run() {
  const int64_t first =
      div_exact(sequences_, session_.mesh.shape().data()) * session_.mesh.data_rank();
  StepContext step;
  step.training = false;
  step.seed = static_cast<uint64_t>(session_.config.run.seed);
  session_.model.clear_stats(session_.exec);
  for (int64_t i = 0; i < batch_.micro_batches(); ++i) {
    step.first_sequence = first + i * batch_.micro_batch_size();
    session_.model.accumulate_forward(session_.exec, batch_.micro_batch(i), step);
  }
  double targets = static_cast<double>(batch_.target_tokens());
  session_.mesh.host_data().all_reduce_sum(Tensor(&targets, DType::f64, {1}), "target tokens");
  const RouterSummary router = router_summary(session_.exec, session_.model, session_.mesh);
  Evaluation result;
  result.loss = read_number(session_.exec, session_.model.loss_sum()) / targets;
  result.sequences = found_;
  result.target_tokens = static_cast<int64_t>(targets);
  result.dropped_fraction = router.dropped_fraction;
  result.expert_load_max = router.expert_load_max;
  result.router = router.layers;
  result.counters = counters_;
  return result;
}

}  // namespace sy
