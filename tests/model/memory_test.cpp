// SPDX-License-Identifier: Apache-2.0
// Memory use is as planned: steps after the first allocate nothing.
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/model/fixture.h"
#include "tests/support/allocations.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 32, kDecoderLength = 16;

int64_t mapped_pages() {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  statm >> pages;
  return pages;
}

TEST_CASE("memory: a second step allocates nothing of a tensor's size", "[memory]") {
  ModelSection section = GENERATE(tiny_model(), tiny_hugging_face_model(4));
  section.d_model = 64;
  if (section.experts.convention == Convention::paper) section.experts.count = GENERATE(0, 4);
  section.dropout = 0.1;
  const std::vector<int32_t> lengths(64, kDecoderLength - 1);
  ModelFixture f(section, {64, kEncoderLength, kDecoderLength}, DType::f32);
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, lengths, lengths);
  const auto step = [&] {
    f.step.training = true;
    f.forward(batch);
    f.model.backward(*f.exec, batch.batch(), f.step);
    f.step.training = false;
    f.forward(batch);
  };
  step();
  const int64_t scratch = f.exec->scratch.high_water();
  const int64_t pages = mapped_pages();
  const Allocations before = allocations();
  step();
  const Allocations after = allocations();
  CHECK(f.exec->scratch.high_water() == scratch);
  if (test_backend() == Backend::cuda) return;  // the queues of host execution allocate
  // Shapes of views and argument lists of oneDNN; the smallest tensor of a stream has 256 KiB.
  INFO(after.count - before.count << " small allocations");
  CHECK(after.bytes - before.bytes < 128 * 1024);
  CHECK(mapped_pages() - pages < 64);  // malloc and mmap, which the count above does not see
}

TEST_CASE("memory: the plan is what the step uses", "[memory]") {
  ModelSection section = GENERATE(tiny_model(), tiny_hugging_face_model(4));
  if (section.experts.convention == Convention::paper) section.experts.count = GENERATE(0, 3);
  section.experts.eval_capacity_factor = 3.0;
  ModelFixture f(section, {4, kEncoderLength, kDecoderLength});
  const SwitchModel::Memory memory = f.model.memory();
  CHECK(memory.scratch == f.exec->scratch.capacity());
  const std::vector<int32_t> lengths{16, 16, 9, 3};
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, lengths, lengths);
  f.forward(batch);
  f.model.backward(*f.exec, batch.batch(), f.step);
  f.step.training = false;
  f.forward(batch);
  CHECK(f.exec->scratch.high_water() == memory.scratch);
  CHECK(f.exec->scratch.top() == 0);
  // Parameters are rounded up to 16 elements, regions to pages.
  const int64_t count = f.model.params().local_count();
  CHECK(memory.parameters >= 8 * count);
  CHECK(memory.parameters <=
        8 * (count + 16 * static_cast<int64_t>(f.model.params().all().size())) + 4096);
  CHECK(memory.gradients == memory.parameters);
}

TEST_CASE("memory: a model for evaluation has no gradients", "[memory]") {
  ModelFixture f(tiny_model(), {4, kEncoderLength, kDecoderLength}, DType::f32, false);
  f.step.training = false;
  const std::vector<int32_t> lengths{16, 16, 9, 3};
  OwnedBatch batch(kEncoderLength, kDecoderLength, 13, lengths, lengths);
  CHECK(f.forward(batch) > 0);
  CHECK(f.model.memory().gradients <= 4096);
  CHECK(f.model.params().all()[0].grad.empty());
  f.step.training = true;
  CHECK_THROWS_AS(f.forward(batch), InternalError);
}

}  // namespace
}  // namespace sy
