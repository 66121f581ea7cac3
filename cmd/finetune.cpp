// SPDX-License-Identifier: Apache-2.0
#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/parallel.h"
#include "lib/base/log.h"
#include "lib/finetune/decoding_scorer.h"
#include "lib/finetune/export_best.h"
#include "lib/train/stop_signal.h"
#include "lib/train/trainer.h"

namespace sy {
namespace {

bool goes_on(const RunConfig& config, const std::string& resume) {
  if (resume != "auto") return resume != "none";
  return !newest_checkpoint(RunFolder(config).checkpoints).empty();
}

void check(const RunConfig& config, const std::string& resume) {
  if (config.data.tasks.empty()) {
    throw ConfigError(
        "finetune: data.tasks is empty; list the tasks, or go on with text by `pretrain` and "
        "train.initialize_from");
  }
  if (config.train.initialize_from.empty() && !goes_on(config, resume)) {
    throw ConfigError(
        "finetune: no weights to start from; give a checkpoint or a run as "
        "train.initialize_from (`convert --from hf` makes one of a published model)");
  }
}

// Before a night of training, not after it.
MakeTaskScorer checked_scorer(const RunConfig& config) {
  return [make = task_scorer(config)](Session& session) {
    if (session.config.finetune.export_best) check_exportable(session.config);
    return make(session);
  };
}

void report_best(const std::string& run_folder, const std::vector<BestCheckpoint>& best) {
  for (const BestCheckpoint& each : best) {
    log::info("best of {}: {:.2f} after step {}, {}", each.task, each.value, each.step,
              best_path(run_folder, each.task));
  }
}

// Sets `best`. MPI has ended on return: what follows may take longer than other ranks would wait.
ExitCode train(const RunConfig& config, const std::string& resume,
               std::vector<BestCheckpoint>& best) {
  Parallel parallel(config.run);
  Runtime runtime(config, parallel.mpi.world(), parallel.resources());
  Trainer trainer(runtime, config, resume, checked_scorer(config));
  const ExitCode code = trainer.run();
  best = trainer.best();
  return code;
}

}  // namespace

Run setup_finetune(CLI::App& app) {
  auto options = add_config_options(app);
  auto resume = add_resume_option(app);
  return [options, resume] {
    install_stop_signals();
    const RunConfig config = options->load();
    check(config, *resume);
    std::vector<BestCheckpoint> best;
    const ExitCode code = train(config, *resume, best);
    if (code != ExitCode::done || log::rank() != 0) return code;
    const std::string folder = RunFolder(config).path;
    report_best(folder, best);
    if (config.finetune.export_best) export_best(folder, best);
    return code;
  };
}

}  // namespace sy
