// The trainer's beginning: memory, data and the checkpoint it goes on from.
#include <unistd.h>

#include <ctime>

#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/train/matrix_rate.h"
#include "lib/train/trainer.h"

namespace sy {
namespace {

// One word for all ranks of this start: shards of an interrupted earlier one are told apart by it.
std::string start_id(Communicator& world) {
  int32_t words[2] = {static_cast<int32_t>(std::time(nullptr)), static_cast<int32_t>(getpid())};
  world.broadcast(Tensor(words, DType::i32, {2}), 0, "start id");
  return fmt::format("{}-{}", words[0], words[1]);
}

}  // namespace

Trainer::Trainer(RunConfig config, Communicator& world, int threads, const std::string& resume)
    : session_(std::move(config), world, threads, /*training=*/true),
      folder_(session_.config),
      batch_(session_.sequences_per_rank(), session_.config.train.micro_batch,
             session_.config.data.encoder_length, session_.config.data.decoder_length.value),
      writer_(folder_.checkpoints, world.rank(), world.size(),
              session_.config.train.keep_checkpoints),
      start_id_(start_id(world)) {
  const RunConfig& run = session_.config;
  if (world.rank() == 0) folder_.create(run);
  allocate();
  loader_ = std::make_unique<Loader>(run.data, run.data.train,
                                     session_.loader_place(run.train.global_batch),
                                     static_cast<uint64_t>(run.run.seed), session_.tokenizer);
  if (run.train.eval_every > 0) {
    evaluator_.emplace(session_, run.data.validation, run.train.eval_sequences);
  }
  restore_from(checkpoint_to_resume(resume, folder_.checkpoints));
  const double flops_per_second =
      measure_matrix_rate(session_.exec.backend, threads) * world.size();
  if (world.rank() == 0) {
    run_log_.emplace(folder_.path, session_, state_.step, flops_per_second);
  }
}

void Trainer::allocate() {
  optimizer_ = make_optimizer(session_.config.optimizer, session_.model.params());
  optimizer_->plan(optimizer_memory_);
  session_.exec.planning = true;  // the update's scratch; the model's allocate() plans its own step
  optimizer_->apply(session_.exec, {});
  session_.exec.planning = false;
  session_.model.allocate(session_.exec);
  session_.model.params().initialize(static_cast<uint64_t>(session_.config.run.seed));
  optimizer_memory_.allocate();
  optimizer_->plan(optimizer_memory_);
  reducer_.emplace(session_.model.params(), session_.mesh);
  const SwitchModel::Memory memory = session_.model.memory();
  const auto mib = [](int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  log::info(
      "memory a rank: parameters {:.1f} MiB, gradients {:.1f}, optimiser {:.1f}, activations "
      "{:.1f}, "
      "scratch {:.1f}",
      mib(memory.parameters), mib(memory.gradients), mib(optimizer_memory_.bytes()),
      mib(memory.activations), mib(memory.scratch));
}

void Trainer::restore_from(const std::string& path) {
  if (path.empty()) return;
  const CheckpointReader checkpoint(path);
  state_ = restore(session_, *optimizer_, *loader_, checkpoint);
  saved_step_ = state_.step;
  log::info("resumed from {} at step {}", path, state_.step);
}

}  // namespace sy
