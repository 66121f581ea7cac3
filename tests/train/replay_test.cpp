// SPDX-License-Identifier: Apache-2.0
// A replayed step changes no result, and finds a bit that flips in a weight, a gradient or an
// activation of one rank. The bits are flipped here, from outside, at moments that the profiler
// tells of.
#include <catch2/catch.hpp>
#include <functional>

#include "lib/model/attention.h"
#include "lib/tensor/transfer.h"
#include "lib/train/replay_report.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

const std::vector<std::string> kShort{"model.activation=gelu", "model.vocab_size=128",
                                      "data.encoder_length=16", "run.replay_every=3"};
constexpr int64_t kReplayed = 3;

std::vector<std::string> shortly(std::vector<std::string> overrides = {}) {
  overrides.insert(overrides.begin(), kShort.begin(), kShort.end());
  return overrides;
}

// Counts the beginnings of scopes of one part, and does something at one of them.
class Moments final : public PartClock {
 public:
  Moments(Part part, int64_t& seen) : part_(part), seen_(seen) {}
  Moments(Part part, int64_t& seen, int64_t number, std::function<void()> act)
      : part_(part), seen_(seen), number_(number), act_(std::move(act)) {}
  void begin(Part part) override {
    if (part == part_ && ++seen_ == number_) act_();
  }
  void end() noexcept override {}
  void collect(PartSeconds&) override {}

 private:
  Part part_;
  int64_t& seen_;
  int64_t number_ = -1;
  std::function<void()> act_;
};

// Flips a bit of a float32.
void flip(Exec& exec, Tensor tensor, int64_t element, int bit) {
  const Tensor one = tensor.view({tensor.numel()}).slice(element, 1);
  int32_t number = 0;
  const Tensor host(&number, DType::f32, {1});
  download(exec, host, one);
  number ^= 1 << bit;
  upload(exec, one, host);
}

bool is_last_rank() {
  return test_world().rank() + 1 == test_world().size();
}

// "rank 3 (" of the last rank, at which all faults are planted.
std::string last_rank() {
  return fmt::format("rank {} (", test_world().size() - 1);
}

Tensor value_of(Steps& steps, const std::string& name) {
  return steps.session.model.params().find(name)->value;
}

// What the step that is due says.
std::string failure(Steps& steps) {
  steps.fill();
  std::string message;
  try {
    steps.run();
  } catch (const RuntimeFailure& failed) {
    message = failed.what();
    CHECK(failed.met_by() == MetBy::every_rank);
  }
  return message;
}

void run_until(Steps& steps, int64_t last) {
  while (steps.step < last) {
    steps.fill();
    REQUIRE(steps.run().updated);
  }
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Runs until the step before the replayed one, and flips a bit while that is computed again, in its
// second micro-batch, at scope `number` of `part` within a micro-batch. Returns what the step says.
std::string flip_while_computing(Steps& steps, Part part, int64_t number,
                                 const std::function<void()>& act) {
  int64_t seen = 0;
  run_until(steps, kReplayed - 2);
  steps.session.exec.profiler.enable(std::make_unique<Moments>(part, seen));
  run_until(steps, kReplayed - 1);
  const int64_t in_a_pass = seen, in_a_batch = seen / steps.batch.micro_batches();
  REQUIRE(in_a_batch >= number);
  seen = 0;
  const auto at_fault = [&] {
    if (is_last_rank()) act();
  };
  steps.session.exec.profiler.enable(
      std::make_unique<Moments>(part, seen, in_a_pass + in_a_batch + number, at_fault));
  return failure(steps);
}

TEST_CASE("replay: a flipped bit of a gradient", "[replay]") {
  Steps steps(test_backend(), shortly());
  const std::string name = "encoder/layers/0/ffn/wi";
  const Tensor grad = steps.session.model.params().find(name)->grad;
  const std::string said =
      flip_while_computing(steps, Part::loss, 1, [&] { flip(steps.session.exec, grad, 37, 20); });
  CAPTURE(said);
  CHECK(has(said, "step 3: computed twice from the same weights and batch, " + last_rank()));
  CHECK(has(said, "different gradients, first of " + name + ":"));
}

TEST_CASE("replay: a flipped bit of an expert's gradient", "[replay]") {
  Steps steps(test_backend(), shortly());
  const std::string name = "decoder/layers/1/moe/wo";
  const Tensor grad = steps.session.model.params().find(name)->grad;
  const std::string said =
      flip_while_computing(steps, Part::loss, 1, [&] { flip(steps.session.exec, grad, 5, 30); });
  CAPTURE(said);
  CHECK(has(said, "batch, " + last_rank()));
  CHECK(has(said, "first of " + name + ": its processor or memory is at fault."));
}

// The encoder's output as the passes keep it.
Tensor encoder_output(Steps& steps) {
  StepContext context;
  context.training = false;
  steps.fill();
  return steps.session.model.encode(steps.session.exec, steps.batch.micro_batch(0), context).rows;
}

// Before the decoder reads it, the loss differs; after that, gradients of cross-attention do. The
// bit is the largest of the exponent, as dropout may have made the number 0.
TEST_CASE("replay: a flipped bit of an activation", "[replay]") {
  const bool in_forward = GENERATE(true, false);
  Steps steps(test_backend(), shortly());
  const Tensor output = encoder_output(steps);
  const std::string said =
      flip_while_computing(steps, in_forward ? Part::embedding : Part::loss, in_forward ? 2 : 1,
                           [&] { flip(steps.session.exec, output, 70, 30); });
  CAPTURE(said);
  CHECK(has(said, "batch, " + last_rank()));
  CHECK(has(said, in_forward ? "different results: the losses"
                             : "first of decoder/layers/0/cross_attention/"));
}

TEST_CASE("replay: a bit of a weight that flips after the update", "[replay]") {
  const std::string zero_stage = GENERATE("0", "1");
  Steps steps(test_backend(), shortly({"mesh.zero_stage=" + zero_stage}));
  run_until(steps, kReplayed - 1);
  // The last parameter of which the rank has a part to update.
  const Param* owned = nullptr;
  for (const Param& param : steps.session.model.params().all()) {
    if (param.master.numel() > 0) owned = &param;
  }
  REQUIRE(owned != nullptr);
  steps.train_step.complete_values();
  if (is_last_rank()) flip(steps.session.exec, owned->master, 1, 3);
  const std::string said = failure(steps);
  CAPTURE(said, owned->name);
  CHECK(has(said, "step 3: the weights in the memory of " + last_rank()));
  if (is_last_rank()) CHECK(has(said, "first that differ are those of " + owned->name + "."));
}

// By the replayed step an update has changed the weights everywhere, but they stay different.
TEST_CASE("replay: a bit of a weight that flipped before", "[replay]") {
  if (test_world().size() == 1) return;
  Steps steps(test_backend(), shortly());
  run_until(steps, 1);
  const std::string name = "decoder/layers/0/ffn/wi";
  if (is_last_rank()) flip(steps.session.exec, value_of(steps, name), 9, 22);
  run_until(steps, kReplayed - 1);
  const std::string said = failure(steps);
  CAPTURE(said);
  CHECK(has(said, "step 3: ranks that hold the same weights have different ones"));
  CHECK(has(said, last_rank()));
  CHECK(has(said, "first in " + name + "."));
  CHECK(has(said, "had not been compared since the run was started"));
  const bool majority = test_world().size() > 2;
  CHECK(has(said, "rank 0 (") != majority);
}

std::vector<float> numbers_of(Exec& exec, Tensor tensor) {
  std::vector<float> numbers(static_cast<size_t>(tensor.numel()));
  download(exec, Tensor(numbers.data(), DType::f32, tensor.shape()), tensor);
  return numbers;
}

TEST_CASE("replay: changes no result", "[replay]") {
  auto overrides = GENERATE(values<std::vector<std::string>>(
      {{"model.experts.balance_bias=0.25", "mesh.zero_stage=1"},
       {"mesh.model=2", "mesh.sequence_parallel=true"},
       {"model.experts.capacity=dropless", "optimizer.name=adamw", "train.recompute=blocks"}}));
  if (test_world().size() == 1 && overrides.front() == "mesh.model=2") return;
  CAPTURE(overrides);
  overrides.insert(overrides.end(), {"data.encoder_length=16", "train.global_batch=8"});
  Steps plain(test_backend(), overrides);
  overrides.push_back("run.replay_every=2");
  Steps replayed(test_backend(), overrides);
  for (int64_t step = 1; step <= 3; ++step) {
    plain.fill();
    replayed.fill();
    const StepResult expected = plain.run(), found = replayed.run();
    CHECK(found.loss == expected.loss);
    CHECK(found.grad_norm == expected.grad_norm);
    CHECK(found.router.balance_loss == expected.router.balance_loss);
    CHECK(found.router.dropped_fraction == expected.router.dropped_fraction);
  }
  plain.train_step.complete_values();
  replayed.train_step.complete_values();
  ParamStore& params = replayed.session.model.params();
  for (const Param& param : plain.session.model.params().all()) {
    CAPTURE(param.name);
    CHECK(numbers_of(replayed.session.exec, params.find(param.name)->value) ==
          numbers_of(plain.session.exec, param.value));
  }
  for (size_t i = 0; i < params.buffers().size(); ++i) {
    CHECK(numbers_of(replayed.session.exec, params.buffers()[i].value) ==
          numbers_of(plain.session.exec, plain.session.model.params().buffers()[i].value));
  }
}

TEST_CASE("replay: the ranks that are unlike the others", "[replay]") {
  using Ranks = std::vector<int>;
  CHECK(unlike({0, 2, 4}, {7, 7, 7}).empty());
  CHECK(unlike({0, 2, 4}, {7, 7, 8}) == Ranks{4});
  CHECK(unlike({0, 2, 4}, {9, 7, 7}) == Ranks{0});
  CHECK(unlike({1, 3}, {7, 8}) == Ranks{1, 3});
  CHECK(unlike({0, 1, 2, 3}, {7, 7, 8, 8}) == Ranks{0, 1, 2, 3});
  CHECK(unlike({0, 1, 2, 3, 4}, {7, 7, 7, 8, 9}) == Ranks{3, 4});
  CHECK(unlike({5}, {7}).empty());
}

TEST_CASE("replay: the ranks that exchange activations", "[replay]") {
  using Ranks = std::vector<int>;
  CHECK(exchanging_with(1, {.ranks = 4}).empty());
  CHECK(exchanging_with(1, {.ranks = 4, .expert = 2}) == Ranks{0});
  CHECK(exchanging_with(2, {.ranks = 4, .expert = 4}) == Ranks{0, 1, 3});
  CHECK(exchanging_with(5, {.ranks = 8, .model = 2}) == Ranks{4});
  CHECK(exchanging_with(5, {.ranks = 8, .model = 2, .expert = 2}) == Ranks{4, 6, 7});
}

}  // namespace
}  // namespace sy
