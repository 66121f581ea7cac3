#include "lib/train/infill.h"

#include <cstdio>

#include "cmd/checkpoint_option.h"
#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/parallel.h"
#include "lib/base/log.h"

namespace sy {

Run setup_infill(CLI::App& app) {
  auto options = add_config_options(app);
  auto checkpoint = std::make_shared<std::string>();
  auto texts = std::make_shared<std::vector<std::string>>();
  app.add_option("--text", *texts, "a sentence with <extra_id_0>, <extra_id_1>, ... for its blanks")
      ->allow_extra_args(false)
      ->required();
  app.add_option("--checkpoint", *checkpoint,
                 "a checkpoint's folder; the run's newest where left out");
  return [=] {
    RunConfig config = options->load();
    Parallel parallel(config.run);
    if (parallel.mpi.world().size() > 1) {
      throw ConfigError("infill runs on one rank: start it without mpirun");
    }
    // One sequence at a time, which is its own routing group and batch.
    config.train.micro_batch = config.train.global_batch = 1;
    config.train.eval_sequences = config.data.streams = config.model.experts.group_sequences = 1;
    Session session(config, parallel.mpi.world(), parallel.threads, /*training=*/false);
    session.model.allocate(session.exec);
    load_parameters(session, *checkpoint);
    for (const std::string& text : *texts) {
      const Infill result = infill(session, text);
      fmt::print("{}\n  {}\n", result.text, result.decoded);
    }
    return ExitCode::done;
  };
}

}  // namespace sy
