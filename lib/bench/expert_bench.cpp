// SPDX-License-Identifier: Apache-2.0
#include "lib/bench/expert_bench.h"

#include <chrono>
#include <cmath>

#include "lib/base/numeric.h"
#include "lib/bench/expert_products.h"
#include "lib/config/config.h"
#include "lib/model/moe/dispatch.h"
#include "lib/tensor/transfer.h"
#include "lib/train/session.h"

namespace sy {
namespace {

constexpr double kRoundSeconds = 0.05;  // GEMMs are repeated to take at least this long

// A separate exec and the GEMMs, ready to run.
struct Layer {
  Exec exec;
  ExpertProducts products;

  Layer(Session& session, const ExpertRows& rows)
      : exec(like(session.exec)),
        products(exec, session.config.model, session.model.params().dtype(), rows) {
    exec.planning = true;
    products.batched();
    products.each();
    if (has_kernel()) products.by_kernel();
    exec.planning = false;
    exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  }

  bool has_kernel() const { return exec.backend == Backend::cuda; }

  static Exec like(const Exec& other) {
    Exec exec;
    exec.backend = other.backend;
    exec.memory = other.memory;
    exec.threads = other.threads;
    return exec;
  }

  // Seconds to run all GEMMs `repeats` times.
  double time(void (ExpertProducts::*way)() const, int64_t repeats) {
    synchronize(exec);
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < repeats; ++i) (products.*way)();
    synchronize(exec);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

ExpertRows rows_of(const RunConfig& config, Stack stack, int64_t length, int64_t ranks) {
  const ExpertsSection& section = config.model.experts;
  const TokenGroups groups = token_groups(section, stack, config.train.micro_batch, length);
  ExpertRows rows;
  rows.experts = section.count / ranks;
  rows.each = ranks * groups.count * expert_capacity(section, groups.tokens, /*training=*/true);
  rows.total = rows.experts * rows.each;
  return rows;
}

ExpertTiming time_layer(Layer& layer, int64_t rounds) {
  ExpertTiming timing;
  const auto batched = &ExpertProducts::batched, each = &ExpertProducts::each;
  const auto by_kernel = &ExpertProducts::by_kernel;
  // The first run creates what is cached per shape.
  for (const auto way : {batched, each}) layer.time(way, 1);
  if (layer.has_kernel()) layer.time(by_kernel, 1);
  const double once = layer.time(batched, 1);
  timing.repeats = once < kRoundSeconds ? std::llround(std::ceil(kRoundSeconds / once)) : 1;
  const auto repeats = static_cast<double>(timing.repeats);
  std::vector<double> batched_seconds, each_seconds, kernel_seconds, ratios;
  for (int64_t round = 0; round < rounds; ++round) {
    batched_seconds.push_back(layer.time(batched, timing.repeats) / repeats);
    each_seconds.push_back(layer.time(each, timing.repeats) / repeats);
    if (layer.has_kernel()) {
      kernel_seconds.push_back(layer.time(by_kernel, timing.repeats) / repeats);
    }
    ratios.push_back(each_seconds.back() / batched_seconds.back());
  }
  timing.batched_seconds = median(batched_seconds);
  timing.each_seconds = median(each_seconds);
  if (layer.has_kernel()) timing.kernel_seconds = median(kernel_seconds);
  timing.ratio = median(ratios);
  timing.flops = layer.products.flops();
  return timing;
}

void check(const ExpertsSection& experts, int64_t ranks) {
  if (experts.count == 0)
    throw ConfigError(
        "bench --part experts requires a model with experts, but model.experts.count is 0");
  if (experts.capacity == CapacityMode::dropless) {
    throw ConfigError(
        "bench --part experts: with model.experts.capacity: dropless the rows per expert depend on "
        "the text; set factor or fixed");
  }
  if (experts.count % ranks != 0) {
    throw ConfigError(fmt::format("--expert-ranks: {} does not divide model.experts.count, {}",
                                  ranks, experts.count));
  }
}

}  // namespace

ExpertBench bench_experts(const RunConfig& config, Communicator& world,
                          const RankResources& resources, const ExpertBenchOptions& options) {
  check(config.model.experts, options.expert_ranks);
  Runtime runtime(config, world, resources);
  Session session(runtime, config,
                  config.model.vocab_size.is_auto ? open_tokenizer(config) : nullptr,
                  /*training=*/true);
  ExpertBench result;
  result.backend = session.exec.backend;
  result.dtype = session.model.params().dtype();
  result.threads = session.exec.threads;
  const DataSection& data = session.config.data;
  const ModelSection& model = session.config.model;
  const auto bench_stack = [&](const char* stack, Stack which, int64_t length) {
    if (count_sparse_layers(model, which) == 0) return;
    const ExpertRows rows = rows_of(session.config, which, length, options.expert_ranks);
    Layer layer(session, rows);
    ExpertTiming timing = time_layer(layer, options.rounds);
    timing.stack = stack;
    timing.experts = rows.experts;
    timing.sources = options.expert_ranks;
    timing.rows = rows.each;
    result.products = layer.products.products();
    result.stacks.push_back(timing);
  };
  bench_stack("encoder", Stack::encoder, data.encoder_length);
  bench_stack("decoder", Stack::decoder, data.decoder_length.value);
  return result;
}

}  // namespace sy
