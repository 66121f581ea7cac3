// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <optional>
#include <thread>

#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/numbers.h"
#include "lib/plan/execute.h"
#include "lib/plan/plan.h"
#include "lib/plan/search.h"

namespace sy {
namespace {

constexpr double kGibi = 1 << 30;
constexpr int kMostThreads = 4096;  // as run.threads

struct PlanOptions {
  int ranks = 0, search = 0, threads = 0;
  std::optional<std::string> device;
  double memory_gib = 0, tokens = 0;
  bool execute = false, json = false;

  int all_ranks() const { return search > 0 ? search : std::max(ranks, 1); }
};

std::optional<Device> device_of(const PlanOptions& options) {
  if (!options.device) return std::nullopt;
  return find_device(*options.device);
}

int threads_of(const PlanOptions& options, const RunConfig& config) {
  if (options.threads > 0) return options.threads;
  return config.run.threads.is_auto ? 1 : static_cast<int>(config.run.threads.value);
}

void print(const std::string& text, const Json& json, const PlanOptions& options) {
  fmt::print("{}", options.json ? json_line(json) + "\n" : text);
}

void check_memory(const Plan& plan, const PlanOptions& options) {
  const auto bytes = static_cast<double>(plan.working_bytes());
  if (options.memory_gib == 0 || bytes <= options.memory_gib * kGibi) return;
  throw ConfigError(fmt::format(
      "--memory {}: a rank needs {}; use more ranks, mesh.zero_stage: 1, train.recompute or a "
      "smaller train.micro_batch, or let --search find a mesh",
      options.memory_gib, bytes_text(bytes)));
}

ExitCode search(const RunConfig& config, const PlanOptions& options) {
  if (!options.device) {
    throw ConfigError("--search needs --device, to estimate the time of a step");
  }
  SearchOptions search{options.search, threads_of(options, config), 0,
                       find_device(*options.device)};
  search.memory_limit =
      options.memory_gib > 0 ? options.memory_gib * kGibi : search.device.memory_bytes;
  const std::vector<Candidate> found = search_meshes(config, search);
  print(search_text(found, search), search_json(found, search), options);
  if (found.front().fault.empty()) return ExitCode::done;
  throw ConfigError(
      fmt::format("--search {}: no mesh works with {} a rank; each line above has its reason",
                  options.search, bytes_text(search.memory_limit)));
}

ExitCode execute(const PlanInput& input, const std::optional<Device>& device,
                 const PlanOptions& options) {
  const auto workers = static_cast<int>(std::thread::hardware_concurrency());
  const Executed executed = execute_plan(input, workers);
  print(executed_text(executed), executed_json(executed), options);
  if (!executed.fault.empty()) return ExitCode::failed;
  if (options.memory_gib > 0) check_memory(make_plan(input, device), options);
  return ExitCode::done;
}

ExitCode plan(const PlanInput& input, const std::optional<Device>& device,
              const PlanOptions& options) {
  Plan plan = make_plan(input, device);
  if (options.tokens > 0) plan.token_budget = options.tokens;
  print(plan_text(plan), plan_json(plan), options);
  check_memory(plan, options);
  return ExitCode::done;
}

ExitCode run(const ConfigOptions& config_options, const PlanOptions& options) {
  if (options.all_ranks() > kMostRanks) {
    throw ConfigError(
        fmt::format("{} ranks: a plan has at most {}", options.all_ranks(), kMostRanks));
  }
  const RunConfig config = config_options.load();
  if (options.search > 0) return search(config, options);
  const std::optional<Device> device = device_of(options);
  const bool on_gpu = device ? device->gpu : config.backend == BackendChoice::cuda;
  const PlanInput input =
      plan_input(config, options.all_ranks(), threads_of(options, config), on_gpu);
  return options.execute ? execute(input, device, options) : plan(input, device, options);
}

}  // namespace

Run setup_plan(CLI::App& app) {
  auto config = add_config_options(app);
  auto options = std::make_shared<PlanOptions>();
  CLI::Option* ranks =
      app.add_option("--ranks", options->ranks, "number of ranks; 1 if it is left out")
          ->check(whole_number());
  CLI::Option* device =
      app.add_option("--device", options->device,
                     "estimates the time of a step: A100, H100, H200, or a file that "
                     "`switchyard doctor --json` wrote");
  app.add_option("--memory", options->memory_gib,
                 "GiB that a rank has: exits 2 if the plan needs more; with --search the limit, by "
                 "default the device's")
      ->check(positive_number());
  CLI::Option* tokens =
      app.add_option("--tokens", options->tokens,
                     "with --device: also the time to train on so many input and target tokens")
          ->check(positive_number())
          ->needs(device);
  app.add_option(
         "--threads", options->threads,
         "threads of a rank, on which the CPU's scratch depends; run.threads, or 1, if it is "
         "left out")
      ->check(whole_number(1, kMostThreads));
  CLI::Option* execute =
      app.add_flag("--execute", options->execute,
                   "plans every rank and checks that their collectives match and their checkpoint "
                   "is whole")
          ->excludes(tokens);
  app.add_option("--search", options->search,
                 "ranks the meshes of so many ranks by the time of a step; needs --device")
      ->check(whole_number())
      ->excludes(ranks)
      ->excludes(execute)
      ->excludes(tokens);
  app.add_flag("--json", options->json, "one JSON object");
  return [config, options] { return run(*config, *options); };
}

}  // namespace sy
