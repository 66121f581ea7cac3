// SPDX-License-Identifier: Apache-2.0
// A step with non-finite gradients names the parameter, even if the next step has begun to
// overwrite the gradients, on both backends.
#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

const std::vector<std::string> kShort{"model.activation=gelu", "model.dropout=0",
                                      "model.experts.dropout=0", "data.encoder_length=16",
                                      "train.global_batch=8"};

// Sets all local values of a parameter, or of one of its experts, to value.
void set_values(Steps& steps, const std::string& name, float value, int64_t expert = -1) {
  const Param& param = *steps.session.model.params().find(name);
  Tensor part = param.value;
  if (expert >= 0) {
    const int64_t local = expert - param.slab.offset[0];
    if (local < 0 || local >= part.dim(0)) return;
    part = part.slice(local, 1);
  }
  std::vector<float> values(static_cast<size_t>(part.numel()), value);
  upload(steps.session.exec, part, Tensor(values.data(), DType::f32, part.shape()));
}

// An expert whose wi alone gets a gradient that overflows: its output is zero, and wo passes on a
// gradient near the largest float32, which the input then magnifies.
void spoil(Steps& steps, const std::string& layer, int64_t expert, bool spoilt = true) {
  set_values(steps, layer + "/moe/norm", spoilt ? 1e6f : 1.0f);
  set_values(steps, layer + "/moe/wi", 0, expert);
  set_values(steps, layer + "/moe/wo", spoilt ? 3e38f : 0.0f, expert);
}

TEST_CASE("step_fault: an expert's gradient, and the next step has begun", "[step_fault]") {
  const WithoutLaunchBlocking as_in_a_run;
  Steps steps(test_backend(), kShort);
  const std::string encoder = "encoder/layers/1", decoder = "decoder/layers/1";
  spoil(steps, encoder, 3);
  spoil(steps, decoder, 0);  // another rank's where experts are spread, and later in the model
  steps.fill();
  steps.start();
  spoil(steps, encoder, 3, false);
  steps.start();
  const StepResult first = steps.train_step.finish();
  CHECK_FALSE(first.updated);
  CHECK(std::isfinite(first.loss));
  CHECK(first.fault == "encoder/layers/1/moe/wi, expert 3");
  spoil(steps, decoder, 0, false);
  steps.start();
  const StepResult second = steps.train_step.finish();
  CHECK_FALSE(second.updated);
  CHECK(second.fault == "decoder/layers/1/moe/wi, expert 0");
  const StepResult third = steps.train_step.finish();
  CHECK(third.updated);
  CHECK(third.fault.empty());
}

TEST_CASE("step_fault: what every gradient passes through", "[step_fault]") {
  const WithoutLaunchBlocking as_in_a_run;
  Steps steps(test_backend(), kShort);
  set_values(steps, "decoder/final_norm", NAN);
  steps.fill();
  const StepResult result = steps.run();
  CHECK_FALSE(result.updated);
  CHECK(std::isnan(result.loss));
  CHECK(result.fault == "shared/embedding");
}

}  // namespace
}  // namespace sy
