// SPDX-License-Identifier: Apache-2.0
#include "cmd/bench_experts.h"

#include <fmt/format.h>

#include "lib/base/json.h"

namespace sy {
namespace {

constexpr double kMilli = 1e-3, kTera = 1e12;

Json stack_json(const ExpertTiming& t) {
  Json object{{"stack", t.stack},
              {"experts", t.experts},
              {"sources", t.sources},
              {"rows_per_expert", t.rows},
              {"flops", t.flops},
              {"repeats", t.repeats},
              {"batched_seconds", t.batched_seconds},
              {"batched_flops_per_second", t.flops / t.batched_seconds},
              {"each_seconds", t.each_seconds},
              {"each_flops_per_second", t.flops / t.each_seconds},
              {"ratio", t.ratio}};
  if (t.kernel_seconds > 0) {  // CUDA alone has it
    object["kernel_seconds"] = t.kernel_seconds;
    object["kernel_flops_per_second"] = t.flops / t.kernel_seconds;
  }
  return object;
}

std::string kernel_text(const ExpertTiming& t) {
  if (t.kernel_seconds == 0) return "";
  return fmt::format("; grouped kernel {:.4g} ms at {:.4g} TFLOP/s", t.kernel_seconds / kMilli,
                     t.flops / t.kernel_seconds / kTera);
}

void print_stack(const ExpertTiming& t) {
  fmt::print(
      "{:<14} {} experts of {} rows from {} {}: batched {:.4g} ms at {:.4g} TFLOP/s, one by one "
      "{:.4g} ms at {:.4g} TFLOP/s: {:.3f} times{}\n",
      t.stack, t.experts, t.rows, t.sources, t.sources == 1 ? "rank" : "ranks",
      t.batched_seconds / kMilli, t.flops / t.batched_seconds / kTera, t.each_seconds / kMilli,
      t.flops / t.each_seconds / kTera, t.ratio, kernel_text(t));
}

}  // namespace

void print_experts(const ExpertBench& bench, bool json) {
  if (json) {
    Json stacks = Json::array();
    for (const ExpertTiming& timing : bench.stacks) stacks.push_back(stack_json(timing));
    const Json object{{"backend", name_of(bench.backend)},
                      {"dtype", name_of(bench.dtype)},
                      {"threads", bench.threads},
                      {"products", bench.products},
                      {"stacks", stacks}};
    fmt::print("{}\n", json_line(object));
    return;
  }
  fmt::print("{:<14} {} GEMMs of a sparse layer, forward and backward, {} on {}, {} threads\n",
             "experts", bench.products, name_of(bench.dtype), name_of(bench.backend),
             bench.threads);
  for (const ExpertTiming& timing : bench.stacks) print_stack(timing);
}

}  // namespace sy
