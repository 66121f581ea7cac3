// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/step_time.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/config/config.h"
#include "lib/plan/wire.h"

namespace sy {
namespace {

// Of a GEMM, as Device::narrow_products measures it.
double width_of(const GemmShape& shape) {
  std::array<double, 3> sizes{static_cast<double>(shape.m), static_cast<double>(shape.n),
                              static_cast<double>(shape.k)};
  std::ranges::sort(sizes);
  return std::sqrt(sizes[0] * sizes[1]);
}

// Linear in the logarithm of the width between those that are known; below them the share falls
// with the width.
double share_of_width(const std::vector<double>& shares, double width) {
  if (shares.empty()) return 1;
  const auto known = [](size_t i) { return static_cast<double>(kProductWidths[i]); };
  if (width <= known(0)) return shares[0] * width / known(0);
  for (size_t i = 1; i < kProductWidths.size(); ++i) {
    if (width > known(i)) continue;
    const double place = std::log2(width / known(i - 1)) / std::log2(known(i) / known(i - 1));
    return shares[i - 1] + place * (shares[i] - shares[i - 1]);
  }
  return shares.back();
}

// Linear between the intervals that are known, and from 0; it grows no more after the last.
double wait_after(double interval, const std::vector<double>& waits) {
  double from = 0, wait_from = 0;
  for (size_t i = 0; i < waits.size(); ++i) {
    const double to = kWaitIntervals[i];
    if (interval < to) {
      return wait_from + (interval - from) / (to - from) * (waits[i] - wait_from);
    }
    from = to;
    wait_from = waits[i];
  }
  return wait_from;
}

double if_known(double rate, double otherwise) {
  return rate > 0 ? rate : otherwise;
}

}  // namespace

double device_flops(const Device& device, Precision precision) {
  if (precision == Precision::float32) return device.float32_flops;
  if (device.bfloat16_flops > 0) return device.bfloat16_flops;
  throw ConfigError(
      fmt::format("precision: bfloat16: the device {} has no rate for it (bfloat16_flops); use "
                  "float32",
                  device.name));
}

double product_seconds(const GemmCounts& products, const Device& device, double flops_per_second) {
  double seconds = 0;
  for (const auto& [shape, times] : products) {
    const double share = share_of_width(device.narrow_products, width_of(shape));
    if (shape.flops() > 0) {
      seconds += static_cast<double>(times) * shape.flops() / (share * flops_per_second);
    }
  }
  return seconds;
}

double product_bytes(const GemmCounts& products) {
  double bytes = 0;
  for (const auto& [shape, times] : products) {
    const int64_t in = shape.m * shape.k + shape.k * shape.n, out = shape.m * shape.n;
    bytes += static_cast<double>(times * shape.batch) *
             static_cast<double>(in * static_cast<int64_t>(size_of(shape.in)) +
                                 out * static_cast<int64_t>(size_of(shape.out)));
  }
  return bytes;
}

double waiting_seconds(const Traffic& traffic, double computing, const Device& device) {
  double calls = 0;
  for (const auto& [key, count] : traffic.records()) calls += static_cast<double>(count.calls);
  return calls == 0 ? 0 : calls * wait_after(computing / calls, device.call_waits);
}

StepTime estimate_step(const PlanInput& input, RankPlan& first, const TrainStep::Memory& memory,
                       const Device& device) {
  const RunConfig& config = first.session.config;
  const double rate = device_flops(device, config.precision);
  const double bandwidth = device.memory_bytes_per_second;
  const StepWork work = step_work(input, first, memory);
  StepTime time;
  time.products = product_seconds(work.products, device, rate * device.product_efficiency) +
                  product_bytes(work.products) / bandwidth;
  double attention = if_known(device.attention_efficiency, device.product_efficiency);
  double activations = if_known(device.activation_bytes_per_second, bandwidth);
  if (config.model.dropout > 0) {
    attention = if_known(device.dropout_attention_efficiency, attention);
    activations = if_known(device.dropout_activation_bytes_per_second, activations);
  }
  time.attention = work.attention_flops / (rate * attention);
  time.elementwise = work.activation_bytes / activations;
  time.update = work.update_bytes / if_known(device.update_bytes_per_second, bandwidth);
  time.wire = wire_seconds(first.step.traffic(), input.shape, first.session.model.params(), device);
  time.waiting = waiting_seconds(first.step.traffic(), time.total() - time.wire, device);
  const int64_t inputs = config.data.encoder_length, targets = config.data.decoder_length.value;
  const auto batch = static_cast<double>(config.train.global_batch);
  const double flops = SwitchModel::flops_per_sequence(config.model, inputs, targets);
  time.tokens_per_second = batch * static_cast<double>(inputs + targets) / time.total();
  time.mfu = batch * flops / (time.total() * rate * input.shape.ranks);
  return time;
}

}  // namespace sy
