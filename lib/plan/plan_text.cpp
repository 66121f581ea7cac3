// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <iterator>
#include <map>
#include <regex>

#include "lib/config/names.h"
#include "lib/plan/plan.h"

namespace sy {
namespace {

constexpr double kGiga = 1e9, kKibi = 1 << 10, kMebi = 1 << 20, kGibi = 1 << 30;
constexpr double kDay = 86400;

// Appends a formatted line to a text.
class Lines {
 public:
  template <class... Values>
  void add(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_model(Lines& lines, const Plan& plan) {
  const ParameterCount& parameters = plan.parameters;
  lines.add("parameters              {:>22}  {} active for a token", parameters.total,
            parameters.active);
  for (size_t i = 0; i < kModelParts; ++i) {
    if (parameters.of_part[i] == 0) continue;
    lines.add("  {:<20}  {:>22}", name_of(static_cast<ModelPart>(i)), parameters.of_part[i]);
  }
  lines.add(
      "FLOPs a sequence        {:>20.4g} G  forward and backward; forward as Kaplan et al. "
      "count, {:.4g} G",
      plan.flops_per_sequence / kGiga, plan.kaplan_flops / kGiga);
  lines.add("checkpoint              {:>22}",
            bytes_text(static_cast<double>(plan.checkpoint_bytes)));
}

void add_memory(Lines& lines, const Plan& plan) {
  lines.add("");
  lines.add("memory of a rank, MiB");
  for (const MemoryRegion& region : plan.memory) {
    lines.add("  {:<20}  {:>22.1f}  {:<6}  {}", region.name,
              static_cast<double>(region.bytes) / kMebi, region.on_device ? "device" : "host",
              region.source);
  }
  const auto device = static_cast<double>(total_bytes(plan.memory, true));
  const auto host = static_cast<double>(total_bytes(plan.memory, false));
  if (device > 0) lines.add("  {:<20}  {:>22.1f}  device", "total", device / kMebi);
  lines.add("  {:<20}  {:>22.1f}  host", "total", host / kMebi);
  lines.add("  not among them: {}", fmt::join(plan.not_included(), "; "));
}

// "encoder/layers/*/moe dispatch" for that of layer 3.
std::string of_all_layers(const std::string& label) {
  static const std::regex kLayer("/layers/[0-9]+/");
  return std::regex_replace(label, kLayer, "/layers/*/");
}

void add_wire(Lines& lines, const Plan& plan) {
  lines.add("");
  if (plan.wire.records().empty()) return lines.add("on the wire             nothing");
  lines.add("on the wire, a step of rank 0: group, collective, label, calls, MiB");
  std::map<TrafficKey, TrafficCount> all_layers;
  for (const auto& [key, count] : plan.wire.records()) {
    TrafficCount& sum = all_layers[{key.axis, key.collective, of_all_layers(key.label)}];
    sum.calls += count.calls;
    sum.bytes += count.bytes;
  }
  for (const auto& [key, count] : all_layers) {
    lines.add("  {:<9} {:<19} {:<38} {:>7} {:>12.2f}", key.axis, key.collective, key.label,
              count.calls, static_cast<double>(count.bytes) / kMebi);
  }
  lines.add("  {:<76} {:>12.2f}", "total", static_cast<double>(plan.wire.bytes()) / kMebi);
}

void add_time(Lines& lines, const Plan& plan) {
  if (!plan.time) return;
  const StepTime& time = *plan.time;
  lines.add("");
  lines.add("a step on {} ({})", plan.device->name, plan.device->source);
  lines.add(
      "  estimate {:.4g} s: products {:.4g}, attention {:.4g}, elementwise {:.4g}, update {:.4g}, "
      "wire {:.4g}, waiting {:.4g}",
      time.total(), time.products, time.attention, time.elementwise, time.update, time.wire,
      time.waiting);
  lines.add("  {:.4g} tokens/s, MFU {:.1f} %", time.tokens_per_second, 100 * time.mfu);
  if (!plan.token_budget) return;
  const double seconds = *plan.token_budget / time.tokens_per_second;
  lines.add("  {:.4g} tokens take {:.4g} days, {:.4g} rank hours", *plan.token_budget,
            seconds / kDay, seconds * plan.shape.ranks / 3600);
}

}  // namespace

std::string bytes_text(double bytes) {
  if (bytes >= kGibi) return fmt::format("{:.2f} GiB", bytes / kGibi);
  if (bytes >= kMebi) return fmt::format("{:.2f} MiB", bytes / kMebi);
  return fmt::format("{:.2f} KiB", bytes / kKibi);
}

std::string plan_text(const Plan& plan) {
  Lines lines;
  const MeshSection& mesh = plan.config.mesh;
  lines.add(
      "{}: ranks {}, mesh data {} x model {}, expert {}, zero_stage {}{}, recompute {}, {} "
      "micro-batches of {}",
      plan.config.run.name, plan.shape.ranks, plan.shape.data(), plan.shape.model,
      plan.shape.expert, mesh.zero_stage, mesh.sequence_parallel ? ", sequence_parallel" : "",
      name_of(plan.config.train.recompute), plan.micro_batches, plan.config.train.micro_batch);
  add_model(lines, plan);
  add_memory(lines, plan);
  add_wire(lines, plan);
  add_time(lines, plan);
  return lines.take();
}

}  // namespace sy
