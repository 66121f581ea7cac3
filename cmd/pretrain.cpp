// SPDX-License-Identifier: Apache-2.0
#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/parallel.h"
#include "lib/plan/announce.h"
#include "lib/train/stop_signal.h"
#include "lib/train/trainer.h"

namespace sy {

Run setup_pretrain(CLI::App& app) {
  auto options = add_config_options(app);
  auto resume = add_resume_option(app);
  return [options, resume] {
    install_stop_signals();
    const RunConfig config = options->load();
    Parallel parallel(config.run);
    Runtime runtime(config, parallel.mpi.world(), parallel.resources());
    const auto plan_seconds = [&] {
      return announce_step_time(config, runtime.exec.backend, parallel.mpi, parallel.resources());
    };
    return Trainer(runtime, config, *resume, {}, LearnsFrom::text, plan_seconds).run();
  };
}

}  // namespace sy
