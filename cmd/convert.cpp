// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/convert.h"

#include <memory>

#include "cmd/commands.h"
#include "cmd/numbers.h"
#include "cmd/option_checks.h"

namespace sy {
namespace {
using convert::ConvertOptions;
using convert::FloatType;
using convert::Form;

const Choices<Form> kForms{{"hf", Form::hugging_face}, {"switchyard", Form::switchyard}};
const Choices<FloatType> kDtypes{
    {"float32", FloatType::f32}, {"bfloat16", FloatType::bf16}, {"float16", FloatType::f16}};

// Refuses options that would have no effect.
void check_options(const CLI::App& app, const ConvertOptions& options) {
  const bool to_hf = options.to == Form::hugging_face;
  check_use(app, "--dtype", to_hf, "--to hf (checkpoints are float32)");
  check_use(app, "--shard-bytes", to_hf, "--to hf");
  check_use(app, "--set", options.from == Form::hugging_face,
            "--from hf (it changes keys of config.json)");
  check_use(app, "--interval", options.upcycle > 0, "--upcycle");
  if (options.from == options.to && !to_hf && options.upcycle == 0) {
    throw ConfigError(
        "convert: from switchyard to switchyard, nothing is to be done without --upcycle");
  }
}

}  // namespace

Run setup_convert(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  auto dtype = std::make_shared<FloatType>(FloatType::f32);
  take_choices(app.add_option("--from", options->from, "format of IN")->required(), kForms);
  take_choices(app.add_option("--to", options->to, "format of OUT")->required(), kForms);
  app.add_option(
         "IN", options->in,
         "a folder with config.json and safetensors (T5, SwitchTransformers), or the folder "
         "of a checkpoint")
      ->required();
  app.add_option("OUT", options->out, "folder to write; must not exist")->required();
  take_choices(app.add_option("--dtype", *dtype,
                              "element type of the tensors with --to hf; default: the type they "
                              "were read in, if they come from hf, else float32"),
               kDtypes);
  app.add_option("--shard-bytes", options->shard_bytes,
                 "maximum size of the tensors in a safetensors file (5GB)")
      ->transform(CLI::AsSizeValue(true).description(""))
      ->check(whole_number())
      ->type_name("BYTES");
  app.add_option("--set", options->overrides,
                 "KEY=VALUE, replaces a key of the config.json of IN; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option(
         "--upcycle", options->upcycle,
         "make a dense model sparse: copy its feed-forward layers into N experts each, with "
         "new routers")
      ->check(whole_number())
      ->type_name("N");
  app.add_option("--interval", options->interval,
                 "with --upcycle: make every K-th feed-forward layer sparse (2)")
      ->check(whole_number())
      ->type_name("K");
  return [&app, options, dtype] {
    check_options(app, *options);
    if (app.count("--dtype") > 0) options->dtype = *dtype;
    convert::convert_model(*options);
    return ExitCode::done;
  };
}

}  // namespace sy
