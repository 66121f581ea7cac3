#include "cmd/bench_experts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sy {
namespace {

constexpr double kMilli = 1e-3, kTera = 1e12;

// Only measured on CUDA.
std::string kernel_json(const ExpertTiming& t) {
  if (t.kernel_seconds == 0) return "";
  return fmt::format(R"(, "kernel_seconds": {:.6g}, "kernel_flops_per_second": {:.6g})",
                     t.kernel_seconds, t.flops / t.kernel_seconds);
}

std::string stack_json(const ExpertTiming& t) {
  return fmt::format(
      R"({{"stack": "{}", "experts": {}, "sources": {}, "rows_per_expert": {}, "flops": {:.6g}, )"
      R"("repeats": {}, "batched_seconds": {:.6g}, "batched_flops_per_second": {:.6g}, )"
      R"("each_seconds": {:.6g}, "each_flops_per_second": {:.6g}, "ratio": {:.4f}{}}})",
      t.stack, t.experts, t.sources, t.rows, t.flops, t.repeats, t.batched_seconds,
      t.flops / t.batched_seconds, t.each_seconds, t.flops / t.each_seconds, t.ratio,
      kernel_json(t));
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
    std::vector<std::string> stacks;
    for (const ExpertTiming& timing : bench.stacks) stacks.push_back(stack_json(timing));
    fmt::print(
        R"({{"backend": "{}", "dtype": "{}", "threads": {}, "products": {}, "stacks": [{}]}})"
        "\n",
        name_of(bench.backend), name_of(bench.dtype), bench.threads, bench.products,
        fmt::join(stacks, ", "));
    return;
  }
  fmt::print("{:<14} {} GEMMs of a sparse layer, forward and backward, {} on {}, {} threads\n",
             "experts", bench.products, name_of(bench.dtype), name_of(bench.backend),
             bench.threads);
  for (const ExpertTiming& timing : bench.stacks) print_stack(timing);
}

}  // namespace sy
