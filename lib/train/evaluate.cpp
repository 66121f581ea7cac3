#include "lib/train/evaluate.h"

#include <algorithm>

#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/tensor/transfer.h"
#include "lib/train/log/router_summary.h"

namespace sy {

Evaluator::Evaluator(Session& session, const std::vector<std::string>& shards, int64_t sequences)
    : session_(session),
      sequences_(sequences),
      batch_(session.exec, div_exact(sequences, session.mesh.shape().data()),
             session.config.train.micro_batch, session.config.data.encoder_length,
             session.config.data.decoder_length.value, special_ids(session.config.model)) {
  DataSection data = session.config.data;
  data.shuffle_buffer = data.example_buffer = 1;  // no shuffling
  data.read_ahead_batches = 1;
  LoaderPlace place = session.loader_place(sequences);
  place.single_pass = true;
  Loader loader(data, shards, place, static_cast<uint64_t>(session.config.run.seed),
                session.tokenizer);
  const std::vector<Example>& examples = loader.next();
  batch_.fill(examples);
  counters_ = loader.counters();
  count_sequences(examples);
}

void Evaluator::count_sequences(const std::vector<Example>& examples) {
  auto count = static_cast<double>(std::count_if(
      examples.begin(), examples.end(), [](const Example& e) { return !e.targets.empty(); }));
  session_.mesh.host_data().all_reduce_sum(Tensor(&count, DType::f64, {1}), "sequences");
  found_ = static_cast<int64_t>(count);
  if (found_ == 0) {
    throw DataError("the validation text gives no sequence; correct data.validation");
  }
  if (found_ < sequences_ && log::rank() == 0) {
    log::warn(
        "one pass over the validation text gives {} sequences, fewer than the {} of "
        "train.eval_sequences: evaluations use these {}",
        found_, sequences_, found_);
  }
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
  result.counters = counters_;
  return result;
}

}  // namespace sy
