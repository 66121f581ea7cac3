// SPDX-License-Identifier: Apache-2.0
#include "cmd/commands.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/version.h"
#include "lib/config/keys.h"

// The table of commands, with one line of help each. A new command is a line here and a file.
#define SY_COMMANDS(COMMAND)                                                      \
  COMMAND(pretrain, "trains a model, or resumes training")                        \
  COMMAND(finetune, "trains a model further on tasks, and scores it")             \
  COMMAND(distill, "trains a model on text and on the predictions of a teacher")  \
  COMMAND(evaluate, "computes the loss of a checkpoint, or its scores of tasks")  \
  COMMAND(score, "scores predicted texts against targets")                        \
  COMMAND(infill, "fills in the blanks of a sentence")                            \
  COMMAND(loglikelihood, "how likely a model finds given continuations")          \
  COMMAND(convert, "converts weights to and from Hugging Face, or upcycles them") \
  COMMAND(tokenizer, "trains a SentencePiece model, or shows ids and pieces")     \
  COMMAND(inspect, "shows a checkpoint, training examples, a shard or a task")    \
  COMMAND(bench, "times training steps, experts or the loader")                   \
  COMMAND(plan, "memory, traffic and time of a run, before it is started")        \
  COMMAND(report, "draws runs as one HTML page")                                  \
  COMMAND(diagnose, "names who failed in a run that failed or hung")              \
  COMMAND(doctor, "checks that this allocation is healthy")                       \
  COMMAND(config, "prints the resolved configuration, or its reference")

namespace sy {

#define SY_DECLARE(name, help) Run setup_##name(CLI::App& app);
SY_COMMANDS(SY_DECLARE)
#undef SY_DECLARE

namespace {

struct Command {
  const char* name;
  const char* help;
  Run (*setup)(CLI::App& app);
};

#define SY_ENTRY(name, help) {#name, help, setup_##name},
constexpr Command kCommands[] = {SY_COMMANDS(SY_ENTRY)};
#undef SY_ENTRY

// "switchyard tokenizer": the program and its commands down to this one.
std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : full_name(*app.get_parent()) + " " + app.get_name();
}

// The error message if `word` should be a command of `app` but is not, else "". CLI11's own message
// suggests nothing.
std::string find_unknown_command(CLI::App& app, std::string_view word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), word) != names.end()) return "";
  const std::string nearest = nearest_word(word, names);
  return fmt::format("unknown command '{}'; {}", word,
                     nearest.empty()
                         ? fmt::format("`{} --help` lists the commands", full_name(app))
                         : fmt::format("did you mean `{} {}`?", full_name(app), nearest));
}

// The same of an option where a command should follow. CLI11 would only say that this is missing.
std::string find_unknown_option(const CLI::App& app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  if (app.get_option_no_throw(name) != nullptr) return "";
  return fmt::format("unknown option '{}'; `{} --help` lists the options", name, full_name(app));
}

std::string find_unknown_words(CLI::App& app, int argc, char** argv) {
  CLI::App* level = &app;
  for (int i = 1; i < argc && level->get_require_subcommand_min() > 0; ++i) {
    if (argv[i][0] == '-') return find_unknown_option(*level, argv[i]);
    std::string fault = find_unknown_command(*level, argv[i]);
    if (!fault.empty()) return fault;
    level = level->get_subcommand(argv[i]);
  }
  return "";
}

// CLI11 throws an exception for --help as well as for errors.
ExitCode report_parse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error);
    return ExitCode::done;
  }
  const CLI::App* used = &app;
  while (!used->get_subcommands().empty()) used = used->get_subcommands().front();
  return fail_usage(fmt::format("{}; see `{} --help`", error.what(), full_name(*used)));
}

}  // namespace

ExitCode run_command_line(int argc, char** argv) {
  CLI::App app("Pre-trains Switch Transformers.", "switchyard");
  app.set_version_flag("--version", version_text);
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, Run>> runs;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    runs.emplace_back(sub, command.setup(*sub));
  }
  if (argc < 2) {
    std::fputs(app.help().c_str(), stdout);
    return ExitCode::usage;
  }
  if (const std::string fault = find_unknown_words(app, argc, argv); !fault.empty()) {
    return fail_usage(fault);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse(app, error);
  }
  for (const auto& [sub, run] : runs) {
    if (sub->parsed()) return run();
  }
  return ExitCode::usage;
}

}  // namespace sy
