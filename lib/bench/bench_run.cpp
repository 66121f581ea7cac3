// SPDX-License-Identifier: Apache-2.0
#include "lib/bench/bench_run.h"

#include <chrono>
#include <utility>

#include "lib/bench/synthetic_batch.h"
#include "lib/measure/own_process.h"
#include "lib/tasks/open_examples.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

std::unique_ptr<Loader> make_loader(Session& session, BenchData data) {
  if (data == BenchData::synthetic) return nullptr;
  const RunConfig& run = session.config;
  const LoaderPlace place = session.loader_place(run.train.global_batch);
  const auto seed = static_cast<uint64_t>(run.run.seed);
  return std::make_unique<Loader>(
      open_examples(run.data, find_corpora(run.data, Split::train), place, seed, session.tokenizer),
      place, run.data.loader_threads, run.data.read_ahead_batches);
}

std::shared_ptr<const Tokenizer> tokenizer_for(const RunConfig& config, BenchData data) {
  const bool needed = data == BenchData::real || config.model.vocab_size.is_auto;
  return needed ? open_tokenizer(config) : nullptr;
}

}  // namespace

BenchRun::BenchRun(const RunConfig& config, Communicator& world, const RankResources& resources,
                   BenchData data)
    : runtime_(config, world, resources),
      session_(runtime_, config, tokenizer_for(config, data), /*training=*/true),
      train_step_(session_),
      batch_(session_.exec, session_.sequences_per_rank(), session_.config.train.micro_batch,
             session_.config.data.encoder_length, session_.config.data.decoder_length.value,
             special_ids(session_.config.model), session_.config.data.packing),
      loader_(make_loader(session_, data)) {
  train_step_.plan();
  train_step_.allocate();
  train_step_.initialize();
  profiler_.enable(make_part_clock(session_.exec));
  step();
  first_step_seconds_ = process_age_seconds();
  profiled_step();
  profiler_.reset();
}

void BenchRun::next_batch() {
  if (loader_) {
    batch_.fill(loader_->next());
  } else {
    const int64_t count = session_.sequences_per_rank();
    const int64_t first =
        step_ * session_.config.train.global_batch + session_.mesh.data_rank() * count;
    batch_.fill(synthetic_examples(session_.config, first, count));
  }
  int32_t counts[2] = {};
  if (session_.counts_batch()) {
    counts[0] = static_cast<int32_t>(batch_.input_tokens());
    counts[1] = static_cast<int32_t>(batch_.target_tokens());
  }
  session_.mesh.world().all_reduce_sum(Tensor(counts, DType::i32, {2}), "tokens of a batch");
  tokens_ = {counts[0], counts[1]};
}

double BenchRun::step() {
  next_batch();
  return timed_step();
}

double BenchRun::profiled_step() {
  next_batch();
  session_.exec.state<GemmCounts>().clear();
  std::swap(session_.exec.profiler, profiler_);
  const double seconds = timed_step();
  std::swap(session_.exec.profiler, profiler_);
  return seconds;
}

double BenchRun::timed_step() {
  ++step_;
  const auto start = std::chrono::steady_clock::now();
  loss_ = train_step_.run(step_, batch_, tokens_).loss;
  // What a run hides behind its next forward pass would otherwise be hidden between two rounds.
  train_step_.complete_values();
  synchronize(session_.exec);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  session_.exec.profiler.collect();  // the step is done
  session_.mesh.world().all_reduce_max(Tensor(&seconds, DType::f64, {1}), "seconds of a step");
  return seconds;
}

double BenchRun::model_flops() const {
  const RunConfig& run = session_.config;
  return static_cast<double>(run.train.global_batch) *
         SwitchModel::flops_per_sequence(run.model, run.data.encoder_length,
                                         run.data.decoder_length.value);
}

}  // namespace sy
