// SPDX-License-Identifier: Apache-2.0
// What the benchmark measures with and without the profiler's clock, and on which operands.
#include "lib/bench/bench_run.h"

#include <catch2/catch.hpp>
#include <set>

#include "lib/bench/step_bench.h"
#include "lib/config/config.h"
#include "lib/measure/gemm_rate.h"
#include "lib/tensor/bfloat16.h"
#include "lib/tensor/transfer.h"
#include "tests/support/backend.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

RunConfig tiny() {
  return parse_config(R"(
model: {vocab_size: 256, d_model: 32, d_kv: 8, num_heads: 4, d_ff: 64, encoder_layers: 2,
        decoder_layers: 2, experts: {count: 4}}
data: {train: [none], validation: [none], encoder_length: 32, streams: 4}
train: {global_batch: 4, micro_batch: 2}
)",
                      "tiny", {std::string("backend=") + name_of(test_backend())});
}

double profiled_seconds(const BenchRun& run) {
  double sum = 0;
  for (size_t part = 0; part < static_cast<size_t>(Part::kCount); ++part) {
    sum += run.profiler().seconds(static_cast<Part>(part));
  }
  return sum;
}

TEST_CASE("bench_run: a step is timed with the profiler off", "[bench_run]") {
  BenchRun run(tiny(), test_world(), {}, BenchData::synthetic);
  CHECK(profiled_seconds(run) == 0);
  const GemmCounts planned = run.products();
  CHECK(flops_of(planned) > 0);
  run.step();
  CHECK_FALSE(run.session().exec.profiler.enabled());
  CHECK(profiled_seconds(run) == 0);
  CHECK(run.products() == planned);
  run.profiled_step();
  CHECK_FALSE(run.session().exec.profiler.enabled());
  const double once = profiled_seconds(run);
  CHECK(once > 0);
  CHECK(run.products() == planned);
  run.step();
  CHECK(profiled_seconds(run) == once);
}

// The shares are of the profiled rounds alone; with the clock on in the others, too, they would add
// up to more than the whole.
TEST_CASE("bench_run: shares are of rounds of their own", "[bench_run]") {
  StepBenchOptions options;
  options.rounds = 2;
  const StepBench bench = bench_step(tiny(), test_world(), {}, options);
  double sum = 0;
  for (const double share : bench.model.share) {
    CHECK(share >= 0);
    sum += share;
  }
  CHECK(sum == Approx(1));
  CHECK(bench.device == (test_backend() == Backend::cuda ? "host execution" : "cpu"));
  CHECK_FALSE(bench.datasheet_rate);
  CHECK_FALSE(bench.model.mfu_of_peak);
  CHECK(bench.model.mfu_of_measured > 0);
}

// Of each operand of a product of `dtype`: most numbers differ from each other, and none is large.
void check_random(Exec& exec, Tensor memory, DType dtype) {
  std::vector<float> words(static_cast<size_t>(memory.numel()));
  download(exec, Tensor(words.data(), DType::f32, {memory.numel()}), memory);
  std::vector<float> numbers = words;
  if (dtype == DType::bf16) {
    const auto* halves = reinterpret_cast<const BFloat16*>(words.data());
    numbers.clear();
    for (size_t i = 0; i < 2 * words.size(); ++i) numbers.push_back(static_cast<float>(halves[i]));
  }
  const std::set<float> distinct(numbers.begin(), numbers.end());
  CHECK(distinct.size() > (dtype == DType::bf16 ? 200 : numbers.size() / 2));
  CHECK(*distinct.begin() >= -0.051f);
  CHECK(*distinct.rbegin() <= 0.051f);
  CHECK(*distinct.begin() < -0.04f);
  CHECK(*distinct.rbegin() > 0.04f);
}

TEST_CASE("bench_run: rates are measured on random numbers", "[bench_run]") {
  const DType dtype = GENERATE(DType::f32, DType::bf16);
  Exec exec;
  exec.backend = test_backend();
  GemmRate rate({{GemmShape{1, 48, 40, 64, dtype, dtype, {}}, 2}}, exec.backend, 1);
  CHECK(rate.measure() > 0);
  for (const Tensor& operand : {rate.a(), rate.b()}) check_random(exec, operand, dtype);
}

}  // namespace
}  // namespace sy
