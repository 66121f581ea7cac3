// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cmd/bench_experts.h"
#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/numbers.h"
#include "cmd/option_checks.h"
#include "cmd/parallel.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/bench/loader_bench.h"
#include "lib/bench/step_bench.h"

namespace sy {
namespace {

enum class BenchPart : uint8_t { step, experts, loader };

struct BenchOptions {
  std::shared_ptr<ConfigOptions> config;
  BenchPart part = BenchPart::step;
  StepBenchOptions step;
  int64_t expert_ranks = 1;
  double loader_seconds = 20;
  bool json = false;
};

const Choices<BenchPart> kParts{
    {"step", BenchPart::step}, {"experts", BenchPart::experts}, {"loader", BenchPart::loader}};
const Choices<BenchData> kSources{{"synthetic", BenchData::synthetic}, {"real", BenchData::real}};

constexpr double kGiga = 1e9, kMebi = 1 << 20;

Json shares_json(const StepTiming& timing) {
  Json shares = Json::object();
  for (size_t part = 0; part < timing.share.size(); ++part) {
    shares[name_of(static_cast<Part>(part))] = timing.share[part];
  }
  return shares;
}

Json number_or_null(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json timing_json(const StepTiming& t) {
  return {{"step_seconds", t.step_seconds},
          {"tokens_per_second", t.tokens_per_second},
          {"model_flops", t.model_flops},
          {"flops_per_second", t.flops_per_second},
          {"of_product_rate", t.of_product_rate},
          {"mfu", t.mfu_of_measured},  // the name that it has in a run's metrics
          {"mfu_of_measured", t.mfu_of_measured},
          {"mfu_of_peak", number_or_null(t.mfu_of_peak)},
          {"loss", t.loss},
          {"share", shares_json(t)}};
}

void print_json(const StepBench& b) {
  Json object{{"ranks", b.ranks},
              {"threads", b.threads},
              {"parameters", b.parameters},
              {"kaplan_forward_flops_per_sequence", b.kaplan_flops},
              {"first_step_seconds", b.first_step_seconds},
              {"step", timing_json(b.model)},
              {"product_rate", b.product_rate},
              {"matrix_rate", b.matrix_rate},
              {"device", b.device},
              {"datasheet_rate", number_or_null(b.datasheet_rate)}};
  if (b.twin) {
    object["dense_twin"] = timing_json(*b.twin);
    object["step_over_dense_twin"] = b.twin_ratio;
  }
  object["memory"] = {
      {"parameters", b.memory.model.parameters}, {"gradients", b.memory.model.gradients},
      {"optimizer", b.memory.optimizer},         {"activations", b.memory.model.activations},
      {"scratch", b.memory.model.scratch},       {"planned", b.memory.total()},
      {"resident_before", b.resident_before},    {"resident", b.resident},
      {"resident_peak", b.resident_peak}};
  fmt::print("{}\n", json_line(object));
}

void print_timing(const char* name, const StepTiming& t) {
  fmt::print(
      "{:<14} step {:.4g} s, {:.0f} tokens/s, {:.4g} TFLOP at {:.1f} GFLOP/s: {:.1f} % of the GEMM "
      "rate, MFU {:.1f} % of the measured matrix rate{}\n",
      name, t.step_seconds, t.tokens_per_second, t.model_flops / 1e12, t.flops_per_second / kGiga,
      100 * t.of_product_rate, 100 * t.mfu_of_measured,
      t.mfu_of_peak ? fmt::format(", {:.1f} % of the data sheet's peak", 100 * *t.mfu_of_peak)
                    : "");
  fmt::print("{:<14}", "");
  for (size_t part = 0; part < t.share.size(); ++part) {
    if (t.share[part] < 5e-4) continue;
    fmt::print(" {} {:.1f} %", name_of(static_cast<Part>(part)), 100 * t.share[part]);
  }
  fmt::print("\n");
}

void print_text(const StepBench& b) {
  fmt::print("{:<14} {} ranks with {} threads each, {:.1f} M parameters\n", "setup", b.ranks,
             b.threads, static_cast<double>(b.parameters) / 1e6);
  print_timing("model", b.model);
  if (b.twin) {
    print_timing("dense baseline", *b.twin);
    fmt::print("{:<14} a step takes {:.3f} times as long as one of the dense baseline\n", "ratio",
               b.twin_ratio);
  }
  fmt::print(
      "{:<14} library alone: {:.1f} GFLOP/s on the shapes of the step, {:.1f} on large square "
      "matrices\n",
      "GEMM rate", b.product_rate / kGiga, b.matrix_rate / kGiga);
  if (b.datasheet_rate) {
    fmt::print("{:<14} {}: {:.1f} GFLOP/s by its data sheet\n", "peak", b.device,
               *b.datasheet_rate / kGiga);
  } else {
    fmt::print("{:<14} {}: no data sheet is known, so there is no MFU by its peak\n", "peak",
               b.device);
  }
  fmt::print(
      "{:<14} {:.1f} MiB planned, {:.1f} MiB resident ({:.1f} before planning, peak {:.1f})\n",
      "memory", static_cast<double>(b.memory.total()) / kMebi,
      static_cast<double>(b.resident) / kMebi, static_cast<double>(b.resident_before) / kMebi,
      static_cast<double>(b.resident_peak) / kMebi);
  fmt::print("{:<14} {:.3g} s after the start of the process\n", "first step",
             b.first_step_seconds);
}

ExitCode run_step(const BenchOptions& options) {
  const RunConfig config = options.config->load();
  Parallel parallel(config.run);
  const StepBench bench =
      bench_step(config, parallel.mpi.world(), parallel.resources(), options.step);
  if (log::rank() == 0) options.json ? print_json(bench) : print_text(bench);
  return ExitCode::done;
}

// Throws ConfigError under mpirun.
void check_one_rank(Communicator& world, const char* part) {
  if (world.size() > 1) {
    throw ConfigError(
        fmt::format("bench --part {} measures a single rank; start it without mpirun", part));
  }
}

ExitCode run_experts(const BenchOptions& options) {
  const RunConfig config = options.config->load();
  Parallel parallel(config.run);
  Communicator& world = parallel.mpi.world();
  check_one_rank(world, "experts");
  const ExpertBench bench = bench_experts(config, world, parallel.resources(),
                                          {options.step.rounds, options.expert_ranks});
  print_experts(bench, options.json);
  return ExitCode::done;
}

ExitCode run_loader(const BenchOptions& options) {
  MpiEnvironment mpi(nullptr, nullptr);
  check_one_rank(mpi.world(), "loader");
  const LoaderBench b = bench_loader(options.config->load().data, options.loader_seconds);
  if (options.json) {
    const Json object{{"threads", b.threads},
                      {"rounds", b.rounds},
                      {"loader_tokens_per_second", b.loader_tokens_per_second},
                      {"tokenizer_tokens_per_second", b.tokenizer_tokens_per_second},
                      {"ratio", b.ratio}};
    fmt::print("{}\n", json_line(object));
  } else {
    fmt::print(
        "loader {:.0f} tokens/s, SentencePiece alone {:.0f} tokens/s, on {} threads: {:.1f} % "
        "({} rounds)\n",
        b.loader_tokens_per_second, b.tokenizer_tokens_per_second, b.threads, 100 * b.ratio,
        b.rounds);
  }
  return ExitCode::done;
}

// Refuses options that would have no effect.
void check_options(const CLI::App& app, BenchPart part) {
  const bool step = part == BenchPart::step;
  check_use(app, "--twin", step, "--part step");
  check_use(app, "--data", step, "--part step");
  check_use(app, "--expert-ranks", part == BenchPart::experts, "--part experts");
  check_use(app, "--seconds", part == BenchPart::loader, "--part loader");
  check_use(app, "--rounds", part != BenchPart::loader, "--part step and --part experts");
}

}  // namespace

Run setup_bench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  options->config = add_config_options(app);
  take_choices(
      app.add_option("--part", options->part,
                     "step: whole training steps; experts: the GEMMs of a sparse layer, batched "
                     "and one by one; loader: from text to examples"),
      kParts);
  take_choices(
      app.add_option("--data", options->step.data,
                     "with --part step, the default: train on random ids or on data.train"),
      kSources);
  app.add_option("--rounds", options->step.rounds,
                 "number of rounds; results are medians over them")
      ->check(whole_number())
      ->capture_default_str();
  app.add_option("--expert-ranks", options->expert_ranks,
                 "with --part experts: number of expert ranks; measures the share of one of them")
      ->check(whole_number())
      ->capture_default_str();
  app.add_option("--seconds", options->loader_seconds,
                 "with --part loader: how long to measure, in seconds")
      ->check(positive_number())
      ->capture_default_str();
  app.add_flag("--twin", options->step.twin,
               "with --part step: also time the FLOP-matched dense baseline (experts.count: 0)");
  app.add_flag("--json", options->json, "print one JSON object");
  return [&app, options] {
    check_options(app, options->part);
    switch (options->part) {
      case BenchPart::step:
        return run_step(*options);
      case BenchPart::experts:
        return run_experts(*options);
      case BenchPart::loader:
        break;
    }
    return run_loader(*options);
  };
}

}  // namespace sy
