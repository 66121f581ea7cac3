// SPDX-License-Identifier: Apache-2.0
// The start of a trainer: memory, data, and the checkpoint to resume from.
#include <unistd.h>

#include <ctime>
#include <filesystem>

#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/checkpoint/layout.h"
#include "lib/data/corpora.h"
#include "lib/dist/share_texts.h"
#include "lib/measure/gemm_rate.h"
#include "lib/tasks/open_examples.h"
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

// The corpora that rank 0's shards make up, on every rank. Collective.
std::vector<Corpus> share_corpora(const std::vector<DataShard>& shards, Communicator& world) {
  std::vector<std::string> texts;  // in pairs
  for (const DataShard& shard : shards) {
    texts.push_back(shard.corpus);
    texts.push_back(shard.path);
  }
  texts = share_texts(texts, world);
  std::vector<Corpus> corpora;
  for (size_t i = 0; i < texts.size(); i += 2) {
    if (corpora.empty() || corpora.back().name != texts[i]) corpora.push_back({texts[i], {}});
    corpora.back().shards.push_back(texts[i + 1]);
  }
  return corpora;
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

// With data.bucket_batches.
void log_lengths(const RunConfig& config) {
  if (config.data.bucket_batches == 1) return;
  const auto [inputs, targets] = step_lengths(config);
  const auto described = [](const StepLengths& lengths) {
    return lengths.unit == 0 ? fmt::format("{}", lengths.full)
                             : fmt::format("a multiple of {} up to {}", lengths.unit, lengths.full);
  };
  log::info("tokens of a sequence in a step: {} for inputs, {} for targets", described(inputs),
            described(targets));
}

}  // namespace

Trainer::Trainer(Runtime& runtime, const RunConfig& config, const std::string& resume,
                 const MakeTaskScorer& make_scorer, LearnsFrom learns_from,
                 const PlanStepSeconds& plan_seconds)
    : session_(runtime, config, open_tokenizer(config), /*training=*/true),
      folder_(session_.config),
      teacher_(learns_from == LearnsFrom::text ? nullptr : std::make_unique<Teacher>(session_)),
      train_step_(session_, teacher_.get()),
      batch_(session_.exec, session_.sequences_per_rank(), session_.config.train.micro_batch,
             session_.config.data.encoder_length, session_.config.data.decoder_length.value,
             special_ids(session_.config.model), session_.config.data.packing),
      finetunes_(make_scorer && learns_from == LearnsFrom::text),
      writer_(folder_.checkpoints, runtime.mesh.world().rank(), runtime.mesh.world().size(),
              session_.config.train.keep_checkpoints, session_.config.train.keep_every),
      start_id_(start_id(runtime.mesh.world())),
      spikes_(session_.config.optimizer) {
  const Communicator& world = runtime.mesh.world();
  const RunConfig& run = session_.config;
  if (make_scorer) scorer_ = make_scorer(session_);
  train_step_.plan();
  if (scorer_) scorer_->plan();
  lock_folder();
  const std::string resumed =
      checkpoint_to_resume(resume, folder_.checkpoints, runtime.mesh.world());
  const ResumePlan plan = check_resume(resumed);
  if (world.rank() == 0) folder_.create(run);
  flight_log_.emplace(folder_.path, start_id_, runtime.mesh.world());
  for (const std::string& note : plan.notes) log::info("{}", note);
  log::info("backend: {}", runtime.backend_note);
  log_memory(train_step_.memory(), runtime.mesh.world());
  if (scorer_) {
    log::info("memory per rank for decoding: {:.1f} MiB",
              static_cast<double>(scorer_->bytes()) / (1 << 20));
  }
  log_flops(session_.config);
  log_lengths(session_.config);
  if (teacher_) teacher_->log_opened();
  if (plan_seconds) planned_step_seconds_ = plan_seconds();
  train_step_.allocate();
  if (scorer_) scorer_->allocate();
  train_step_.initialize();
  open_loader(plan);
  if (run.train.eval_every > 0) {
    evaluator_.emplace(session_, find_corpora(run.data, Split::validation),
                       run.train.eval_sequences);
  }
  if (resumed.empty()) set_initial_weights();
  if (resumed.empty() && teacher_) teacher_->start_student();
  restore_from(resumed);
  train_step_.continue_after(state_.steps_before);
  runtime.mesh.world().barrier("weights are read");  // they may come from what is now moved
  if (world.rank() == 0) set_aside_later_checkpoints();
  const double flops_per_second = measure_rate(session_) * world.size();
  if (world.rank() == 0) {
    run_log_.emplace(folder_.path, session_, state_.step, flops_per_second);
    ledger_.emplace(folder_.path + "/ledger.jsonl", start_id_, state_.step, clock_);
    link_best(folder_.path, state_.best);
  }
  wait_meter_.emplace(runtime.mesh.world(), session_.exec.backend == Backend::cpu);
}

// Rank 0 may have to watch for a while whether another host still owns the folder. It tells the
// others every second, which would take a longer silence for a rank that is gone.
void Trainer::lock_folder() {
  Communicator& world = session_.mesh.world();
  const auto share = [&world](double watches) {
    world.all_reduce_max(Tensor(&watches, DType::f64, {1}), "the lock of the run's folder");
    return watches > 0;
  };
  if (world.rank() == 0) {
    lock_.emplace(folder_.path, Heartbeat{}, [&] { share(1); });
    log::open_file(folder_.path + "/log.txt");
    share(0);
  } else {
    while (share(0)) {
    }
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

// Each rank expands the patterns of the training text, unless the run that is resumed reads other
// shards than those.
void Trainer::open_loader(const ResumePlan& plan) {
  const DataSection& data = session_.config.data;
  const LoaderPlace place = session_.loader_place(session_.config.train.global_batch);
  const auto seed = static_cast<uint64_t>(session_.config.run.seed);
  std::vector<Corpus> corpora = share_corpora(
      plan.shards_changed ? plan.shards : std::vector<DataShard>{}, session_.mesh.world());
  if (corpora.empty()) corpora = find_corpora(data, Split::train);
  loader_ = std::make_unique<Loader>(open_examples(data, corpora, place, seed, session_.tokenizer),
                                     place, data.loader_threads, data.read_ahead_batches);
  const bool first = session_.mesh.world().rank() == 0;
  if (first && inputs_.data_shards.empty()) inputs_ = read_run_inputs(data);
}

void Trainer::set_initial_weights() {
  const std::string& path = session_.config.train.initialize_from;
  if (path.empty()) return;
  if (finetunes_ && session_.config.finetune.step == StepCount::resume) {
    state_.steps_before = continue_from_checkpoint(session_, train_step_.optimizer(), path);
  } else {
    initialize_from_checkpoint(session_, path);
  }
}

void Trainer::restore_from(const std::string& path) {
  if (path.empty()) return;
  const CheckpointReader checkpoint(path);
  state_ = restore(session_, train_step_.optimizer(), *loader_, checkpoint);
  forget_lost_best();
  saved_step_ = state_.step;
  last_checkpoint_ = path;
  at_checkpoint_ = true;
  spikes_.restore(state_.losses);
  log::info("resumed from {} at step {}", path, state_.step);
  const int64_t steps = session_.config.train.steps;
  if (state_.step < steps) return;
  log::info("nothing is left to do: the run has reached train.steps ({}); raise it to go on",
            steps);
}

// Going back to before a later best was found, the earlier one may have been removed already.
void Trainer::forget_lost_best() {
  std::erase_if(state_.best, [&](const BestCheckpoint& best) {
    const std::string path = folder_.checkpoints + "/" + checkpoint::committed_name(best.step);
    // Rank 0 decides, as others may see the folder later.
    int32_t is_there = std::filesystem::exists(path) ? 1 : 0;
    session_.mesh.world().broadcast(Tensor(&is_there, DType::i32, {1}), 0, "best checkpoint");
    if (is_there == 0) {
      log::info(
          "the checkpoint of step {}, until then the best of {}, is gone; the next best is kept",
          best.step, best.task);
    }
    return is_there == 0;
  });
}

// With --resume none or an older checkpoint the run restarts from there. Its later checkpoints are
// moved aside, not deleted, and its metrics, which lose the lines of later steps, are copied.
void Trainer::set_aside_later_checkpoints() const {
  const std::string aside = set_aside_later(folder_.checkpoints, state_.step);
  if (aside.empty()) return;
  std::error_code error;
  const bool copied =
      std::filesystem::copy_file(folder_.path + "/metrics.jsonl", aside + "/metrics.jsonl", error);
  log::info("the run restarts after step {}; its later checkpoints were moved to {}{}", state_.step,
            aside, copied ? ", with a copy of its metrics" : "");
}

}  // namespace sy
