// SPDX-License-Identifier: Apache-2.0
#include "lib/finetune/export_best.h"

#include "lib/base/log.h"
#include "lib/checkpoint/durable.h"
#include "lib/convert/convert.h"
#include "lib/convert/hf/hf_config.h"

namespace sy {

void check_exportable(const RunConfig& config) {
  try {
    convert::describe_for_hf(config, std::nullopt, convert::FloatType::f32);
  } catch (const ConfigError& error) {
    throw ConfigError(
        fmt::format("{}\nfinetune.export_best: the model has no form at Hugging "
                    "Face; set it to false",
                    error.what()));
  }
}

void export_best(const std::string& run_folder, const std::vector<BestCheckpoint>& best) {
  for (const BestCheckpoint& each : best) {
    convert::ConvertOptions options;
    options.from = convert::Form::switchyard;
    options.to = convert::Form::hugging_face;
    options.in = best_path(run_folder, each.task);
    options.out = options.in + ".hf";
    checkpoint::remove_path(options.out);
    convert::convert_model(options);
    log::info("the best checkpoint of {} (step {}) is written to {}", each.task, each.step,
              options.out);
  }
}

}  // namespace sy
