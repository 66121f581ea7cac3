// SPDX-License-Identifier: Apache-2.0
// The start of a trainer: memory, data, and the checkpoint to resume from.
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/data/text/shard_list.h"
#include "lib/measure/gemm_rate.h"
#include "lib/train/trainer.h"

namespace sy {
namespace {

// An identifier of this start, the same on every rank, which tells its checkpoint shards from those
// of an interrupted earlier start.
std::string start_id(Communicator& world) {
  int32_t words[2] = {static_cast<int32_t>(std::time(nullptr)), static_cast<int32_t>(getpid())};
  world.broadcast(Tensor(words, DType::i32, {2}), 0, "start id");
  return fmt::format("{}-{}", words[0], words[1]);
}

// The texts of rank 0, on every rank. Collective.
std::vector<std::string> share(const std::vector<std::string>& texts, Communicator& world) {
  std::string joined;
  for (const std::string& text : texts) joined += text + '\0';
  auto size = narrow<int32_t>(std::ssize(joined));
  world.broadcast(Tensor(&size, DType::i32, {1}), 0, "size of texts");
  std::vector<int32_t> letters(joined.begin(), joined.end());
  letters.resize(static_cast<size_t>(size));
  if (size > 0) world.broadcast(Tensor(letters.data(), DType::i32, {size}), 0, "texts");
  std::vector<std::string> shared;
  for (auto begin = letters.begin(); begin != letters.end();) {
    const auto end = std::find(begin, letters.end(), 0);
    shared.emplace_back(begin, end);
    begin = end + 1;
  }
  return shared;
}

// FLOP/s of this rank in GEMMs of the run's precision. Warns if another precision would be faster.
double measure_rate(Session& session) {
  const Exec& exec = session.exec;
  const DType dtype = session.model.params().dtype();
  const double rate = measure_peak_gemm_rate(exec.backend, exec.threads, dtype);
  if (dtype != DType::bf16 || exec.backend != Backend::cpu) return rate;
  // On every rank, so that both rates are measured beside the same neighbours.
  const double float32 = measure_peak_gemm_rate(exec.backend, exec.threads);
  const std::string advice = bfloat16_advice(rate, float32);
  if (!advice.empty() && session.mesh.world().rank() == 0) log::warning(advice);
  return rate;
}

// The most that any rank has of each: with ZeRO-1 they own different matrices. Collective.
void log_memory(const TrainStep::Memory& memory, Communicator& world) {
  double mib[] = {
      static_cast<double>(memory.model.parameters), static_cast<double>(memory.model.gradients),
      static_cast<double>(memory.optimizer), static_cast<double>(memory.model.activations),
      static_cast<double>(memory.model.scratch)};
  for (double& bytes : mib) bytes /= 1 << 20;
  world.all_reduce_max(Tensor(mib, DType::f64, {std::ssize(mib)}), "memory per rank");
  log::info(
      "memory per rank: parameters {:.1f} MiB, gradients {:.1f}, optimiser {:.1f}, activations "
      "{:.1f}, scratch {:.1f}",
      mib[0], mib[1], mib[2], mib[3], mib[4]);
}

void log_flops(const RunConfig& config) {
  const int64_t inputs = config.data.encoder_length, targets = config.data.decoder_length.value;
  log::info(
      "FLOPs per sequence: {:.4g} G forward and backward; forward as Kaplan et al. count, {:.4g} G",
      SwitchModel::flops_per_sequence(config.model, inputs, targets) / 1e9,
      SwitchModel::kaplan_flops_per_sequence(config.model, inputs, targets) / 1e9);
}

}  // namespace

Trainer::Trainer(Runtime& runtime, const RunConfig& config, const std::string& resume)
    : session_(runtime, config, open_tokenizer(config), /*training=*/true),
      folder_(session_.config),
      train_step_(session_),
      batch_(session_.exec, session_.sequences_per_rank(), session_.config.train.micro_batch,
             session_.config.data.encoder_length, session_.config.data.decoder_length.value,
             special_ids(session_.config.model), session_.config.data.packing),
      writer_(folder_.checkpoints, runtime.mesh.world().rank(), runtime.mesh.world().size(),
              session_.config.train.keep_checkpoints),
      start_id_(start_id(runtime.mesh.world())) {
  const Communicator& world = runtime.mesh.world();
  const RunConfig& run = session_.config;
  train_step_.plan();
  if (world.rank() == 0) lock_.emplace(folder_.path);
  const std::string resumed = checkpoint_to_resume(resume, folder_.checkpoints);
  const ResumePlan plan = check_resume(resumed);
  if (world.rank() == 0) folder_.create(run);
  for (const std::string& note : plan.notes) log::info("{}", note);
  log::info("backend: {}", runtime.backend_note);
  log_memory(train_step_.memory(), runtime.mesh.world());
  log_flops(session_.config);
  train_step_.allocate();
  train_step_.initialize();
  open_loader(plan);
  if (run.train.eval_every > 0) {
    evaluator_.emplace(session_, run.data.validation, run.train.eval_sequences);
  }
  if (resumed.empty() && !run.train.initialize_from.empty()) {
    initialize_from_checkpoint(session_, run.train.initialize_from);
  }
  restore_from(resumed);
  if (world.rank() == 0) set_aside_later_checkpoints();
  const double flops_per_second = measure_rate(session_) * world.size();
  if (world.rank() == 0) {
    run_log_.emplace(folder_.path, session_, state_.step, flops_per_second);
  }
}

// On rank 0, reads the run's inputs and compares them with the checkpoint, if there is one, before
// anything is written.
ResumePlan Trainer::check_resume(const std::string& path) {
  if (path.empty() || session_.mesh.world().rank() != 0) return {};
  inputs_ = read_run_inputs(session_.config.data);
  ResumePlan plan = plan_resume(session_.config, inputs_, CheckpointReader(path));
  inputs_.data_shards = plan.shards;
  return plan;
}

// Each rank expands data.train, unless the run that is resumed reads other shards than those.
void Trainer::open_loader(const ResumePlan& plan) {
  const DataSection& data = session_.config.data;
  const LoaderPlace place = session_.loader_place(session_.config.train.global_batch);
  std::vector<std::string> shards;
  if (plan.shards_changed) {
    for (const DataShard& shard : plan.shards) shards.push_back(shard.path);
  }
  shards = share(shards, session_.mesh.world());
  if (shards.empty()) shards = expand_globs(data.train);
  loader_ = std::make_unique<Loader>(
      make_example_sources(data, shards, place, static_cast<uint64_t>(session_.config.run.seed),
                           session_.tokenizer),
      place, data.loader_threads, data.read_ahead_batches);
  const bool first = session_.mesh.world().rank() == 0;
  if (first && inputs_.data_shards.empty()) inputs_ = read_run_inputs(data);
}

void Trainer::restore_from(const std::string& path) {
  if (path.empty()) return;
  const CheckpointReader checkpoint(path);
  state_ = restore(session_, train_step_.optimizer(), *loader_, checkpoint);
  saved_step_ = state_.step;
  log::info("resumed from {} at step {}", path, state_.step);
  const int64_t steps = session_.config.train.steps;
  if (state_.step < steps) return;
  log::info("nothing is left to do: the run has reached train.steps ({}); raise it to go on",
            steps);
}

// With --resume none or an older checkpoint the run restarts from there. Its later checkpoints are
// moved aside, not deleted.
void Trainer::set_aside_later_checkpoints() const {
  const std::string aside = set_aside_later(folder_.checkpoints, state_.step);
  if (aside.empty()) return;
  log::info("the run restarts after step {}; its later checkpoints were moved to {}", state_.step,
            aside);
}

}  // namespace sy
