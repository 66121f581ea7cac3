// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/step_work.h"

#include <algorithm>

#include "kernels/gemm/grouped_gemm.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// Every saved activation is written once and read once, and about as much passes through memory
// without being saved.
constexpr double kPassesOverActivations = 4;

// Of grouped GEMMs, with equally many rows in each group. A GPU multiplies all groups at once.
void add_grouped(GemmCounts& counts, GemmShape equal, int64_t times, bool on_gpu) {
  int64_t& rows = equal.options.transpose_a ? equal.k : equal.m;
  for (const int64_t part : on_gpu ? std::vector<int64_t>{rows} : gemms_of_group(rows)) {
    rows = part;
    counts[equal] += times;
  }
}

GemmCounts products_of_step(const RankPlan& first, int expert_ranks, bool on_gpu) {
  const PlannedGemms& planned = first.session.model.planned_products();
  const int64_t micro_batches = first.session.micro_batches();
  GemmCounts counts;
  for (const auto& [shape, times] : planned.single) counts[shape] += times * micro_batches;
  for (const auto& [shape, times] : planned.grouped) {
    // Planned are the rows that may come: all of all expert ranks.
    GemmShape equal = shape;
    int64_t& rows = shape.options.transpose_a ? equal.k : equal.m;
    rows = ceil_div(rows, expert_ranks);
    add_grouped(counts, equal, times * micro_batches, on_gpu);
  }
  return counts;
}

double attention_flops(const PlanInput& input, const RankPlan& first) {
  const RunConfig& config = first.session.config;
  const auto of = [&config](const ModelSection& model) {
    return SwitchModel::attention_flops_per_sequence(model, config.data.encoder_length,
                                                     config.data.decoder_length.value);
  };
  double flops = of(config.model);
  if (config.train.recompute == Recompute::blocks) {
    // Forward is a third; the last block of each stack is still there when backward begins.
    ModelSection again = config.model;
    again.encoder_layers = std::max<int64_t>(again.encoder_layers - 1, 0);
    again.decoder_layers = std::max<int64_t>(again.decoder_layers - 1, 0);
    flops += of(again) / 3;
  }
  return static_cast<double>(first.session.sequences_per_rank()) * flops /
         static_cast<double>(input.shape.model);
}

// Of activations in a micro-batch, whatever is kept of them.
double activation_bytes(const PlanInput& input, const TrainStep::Memory& memory) {
  if (input.config.train.recompute == Recompute::none) {
    return static_cast<double>(memory.model.activations);
  }
  PlanInput kept = input;
  kept.config.train.recompute = Recompute::none;
  return static_cast<double>(RankPlan(kept, 0).step.memory().model.activations);
}

// Of the parameters that an average owner updates: weights read and written, gradients read, and
// the copies for products written.
double weight_update_bytes(const ParamStore& params) {
  double bytes = 0;
  for (const ParamRegion& region : params.regions()) {
    int64_t elements = 0;
    for (const RowRange& run : region.runs) elements += run.count;
    const auto full = static_cast<int64_t>(size_of(compute_dtype(params.dtype())));
    const auto copy = static_cast<int64_t>(size_of(params.dtype()));
    const int64_t each = 3 * full + (params.dtype() == DType::bf16 ? copy : 0);
    bytes += static_cast<double>(elements * each) / static_cast<double>(region.runs.size());
  }
  return bytes;
}

}  // namespace

StepWork step_work(const PlanInput& input, RankPlan& first, const TrainStep::Memory& memory) {
  const auto micro_batches = static_cast<double>(first.session.micro_batches());
  const ParamStore& params = first.session.model.params();
  StepWork work;
  work.products = products_of_step(first, input.shape.expert, input.on_gpu);
  work.attention_flops = attention_flops(input, first);
  work.activation_bytes = micro_batches * kPassesOverActivations * activation_bytes(input, memory);
  work.update_bytes = weight_update_bytes(params) + 2 * static_cast<double>(memory.optimizer);
  return work;
}

}  // namespace sy
