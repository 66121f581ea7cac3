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
    const double planned =
        announce_step_time(config, runtime.exec.backend, parallel.mpi, parallel.resources());
    Trainer trainer(runtime, config, *resume);
    trainer.expect_step_seconds(planned);
    return trainer.run();
  };
}

}  // namespace sy
