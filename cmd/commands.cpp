#include "cmd/commands.h"

#include <fmt/core.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "cmd/failure.h"
#include "lib/config/keys.h"

// The table: the word, and what it does in one line. A new command is a line here and its file.
#define SY_COMMANDS(COMMAND)                                                   \
  COMMAND(pretrain, "trains a model from a configuration, or goes on with it") \
  COMMAND(evaluate, "loss of a checkpoint on validation text")                 \
  COMMAND(infill, "fills the blanks of a sentence")                            \
  COMMAND(tokenizer, "trains a SentencePiece model, or shows ids and pieces")  \
  COMMAND(inspect, "a checkpoint's contents, or training examples")            \
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

// Before CLI11, whose own message for a wrong word does not say what was meant.
bool is_unknown_command(std::string_view word) {
  if (word.starts_with('-')) return false;
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (word == command.name) return false;
    names.emplace_back(command.name);
  }
  const std::string nearest = nearest_word(word, names);
  print_failure(nearest.empty()
                    ? fmt::format("unknown command '{}'; `switchyard --help` lists them", word)
                    : fmt::format("unknown command '{}'; did you mean {}?", word, nearest));
  return true;
}

// CLI11 throws for help as well as for errors.
ExitCode report_parse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error);
    return ExitCode::done;
  }
  const CLI::App* used = &app;
  while (!used->get_subcommands().empty()) used = used->get_subcommands().front();
  print_failure(fmt::format("{}; `{} --help` explains", error.what(),
                            used == &app ? "switchyard" : "switchyard " + used->get_name()));
  return ExitCode::usage;
}

}  // namespace

ExitCode run_command_line(int argc, char** argv) {
  CLI::App app("Pre-trains Switch Transformers.", "switchyard");
  app.set_version_flag("--version", "switchyard " SY_VERSION);
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
  if (is_unknown_command(argv[1])) return ExitCode::usage;
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
