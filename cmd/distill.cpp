// SPDX-License-Identifier: Apache-2.0
#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/parallel.h"
#include "lib/finetune/decoding_scorer.h"
#include "lib/train/stop_signal.h"
#include "lib/train/trainer.h"

namespace sy {

Run setup_distill(CLI::App& app) {
  auto options = add_config_options(app);
  auto resume = add_resume_option(app);
  return [options, resume] {
    install_stop_signals();
    const RunConfig config = options->load();
    Parallel parallel(config.run);
    Runtime runtime(config, parallel.mpi.world(), parallel.resources());
    const MakeTaskScorer scorer =
        config.data.tasks.empty() ? MakeTaskScorer() : task_scorer(config);
    Trainer trainer(runtime, config, *resume, scorer, LearnsFrom::text_and_teacher);
    return trainer.run();
  };
}

}  // namespace sy
