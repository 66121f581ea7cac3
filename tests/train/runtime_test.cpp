// SPDX-License-Identifier: Apache-2.0
// Two models in one process, on one exec and one mesh, give the same bits as each one alone.
#include "lib/train/runtime.h"

#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

constexpr int kSteps = 3;

RunConfig teacher_config() {
  return tiny_config(test_backend(), {"data.encoder_length=16", "train.global_batch=8",
                                      fmt::format("mesh.expert={}", test_world().size())});
}

// Dense, with other sizes.
RunConfig student_config() {
  return tiny_config(test_backend(),
                     {"data.encoder_length=24", "train.global_batch=8", "model.experts.count=0",
                      "model.d_model=16", "model.d_ff=160", "optimizer.name=adamw"});
}

// Losses of a model in evaluation.
struct Evaluated {
  Evaluated(Runtime& runtime, const RunConfig& config)
      : session(runtime, config, /*tokenizer=*/nullptr, /*training=*/false),
        batch(session.exec, session.sequences_per_rank(), session.config.train.micro_batch,
              session.config.data.encoder_length, session.config.data.decoder_length.value) {}

  double run() {
    SwitchModel& model = session.model;
    const int64_t count = session.sequences_per_rank();
    StepContext context;
    context.training = false;
    context.first_sequence =
        count * (session.mesh.data_rank() + session.mesh.shape().data() * step++);
    batch.fill(synthetic_examples(session.config, context.first_sequence, count));
    model.clear_stats(session.exec);
    for (int64_t i = 0; i < batch.micro_batches(); ++i) {
      model.accumulate_forward(session.exec, batch.micro_batch(i), context);
    }
    return read_number(session.exec, model.loss_sum());
  }

  Session session;
  StepBatch batch;
  int64_t step = 0;
};

std::vector<char> values_of(Session& session) {
  std::vector<char> values;
  for (const Param& param : session.model.params().all()) {
    const size_t before = values.size();
    values.resize(before + static_cast<size_t>(param.value.bytes()));
    download(session.exec, Tensor(values.data() + before, param.value.dtype(), param.value.shape()),
             param.value);
  }
  return values;
}

// What is compared.
struct Trace {
  std::vector<double> numbers;
  std::vector<char> values;

  void add(const StepResult& result) {
    numbers.insert(numbers.end(), {result.loss, result.grad_norm, result.router.balance_loss});
  }
  bool operator==(const Trace&) const = default;
};

std::shared_ptr<Runtime> runtime() {
  return make_runtime(teacher_config());
}

Trace train_alone(const RunConfig& config, int64_t* scratch) {
  Steps steps(runtime(), config);
  steps.train_step.plan();
  steps.train_step.allocate();
  steps.train_step.initialize();
  Trace trace;
  for (int i = 0; i < kSteps; ++i) {
    steps.fill();
    trace.add(steps.run());
  }
  trace.values = values_of(steps.session);
  *scratch = steps.session.exec.scratch.capacity();
  return trace;
}

Trace evaluate_alone(int64_t* scratch) {
  const auto alone = runtime();
  Evaluated teacher(*alone, teacher_config());
  teacher.session.model.plan(alone->exec);
  teacher.session.model.allocate(alone->exec);
  teacher.session.model.params().initialize(alone->exec, 1);
  Trace trace;
  for (int i = 0; i < kSteps; ++i) trace.numbers.push_back(teacher.run());
  *scratch = alone->exec.scratch.capacity();
  return trace;
}

TEST_CASE("runtime: a student that trains beside a teacher that does not", "[runtime]") {
  const WithoutLaunchBlocking as_in_a_run;
  int64_t student_scratch = 0, teacher_scratch = 0;
  const Trace student_alone = train_alone(student_config(), &student_scratch);
  const Trace teacher_alone = evaluate_alone(&teacher_scratch);

  const auto both = runtime();
  Steps student(both, student_config());
  Evaluated teacher(*both, teacher_config());
  teacher.session.model.plan(both->exec);
  student.train_step.plan();
  teacher.session.model.allocate(both->exec);
  student.train_step.allocate();
  teacher.session.model.params().initialize(both->exec, 1);
  student.train_step.initialize();
  CHECK(both->exec.scratch.capacity() == std::max(student_scratch, teacher_scratch));
  Trace student_trace, teacher_trace;
  for (int i = 0; i < kSteps; ++i) {
    teacher_trace.numbers.push_back(teacher.run());
    student.fill();
    student_trace.add(student.run());
  }
  student_trace.values = values_of(student.session);
  CHECK(student_trace == student_alone);
  CHECK(teacher_trace == teacher_alone);
  CHECK(teacher_trace.numbers[0] != teacher_trace.numbers[1]);
}

// Each step is issued before the results of the other model are read.
TEST_CASE("runtime: two models that train in turn", "[runtime]") {
  const WithoutLaunchBlocking as_in_a_run;
  int64_t sparse_scratch = 0, dense_scratch = 0;
  const Trace sparse_alone = train_alone(teacher_config(), &sparse_scratch);
  const Trace dense_alone = train_alone(student_config(), &dense_scratch);

  const auto both = runtime();
  Steps sparse(both, teacher_config()), dense(both, student_config());
  for (Steps* steps : {&sparse, &dense}) steps->train_step.plan();
  for (Steps* steps : {&sparse, &dense}) steps->train_step.allocate();
  for (Steps* steps : {&sparse, &dense}) steps->train_step.initialize();
  CHECK(both->exec.scratch.capacity() == std::max(sparse_scratch, dense_scratch));
  Trace sparse_trace, dense_trace;
  for (int i = 0; i < kSteps; ++i) {
    sparse.fill();
    sparse.start();
    dense.fill();
    dense.start();
    sparse_trace.add(sparse.train_step.finish());
    dense_trace.add(dense.train_step.finish());
  }
  sparse_trace.values = values_of(sparse.session);
  dense_trace.values = values_of(dense.session);
  CHECK(sparse_trace == sparse_alone);
  CHECK(dense_trace == dense_alone);
  CHECK(sparse_trace.numbers[2] > 0);  // it has a load-balancing loss
}

TEST_CASE("runtime: a model that is planned too late must fit", "[runtime]") {
  const auto shared = runtime();
  RunConfig wide = student_config();
  wide.model.d_ff *= 8;
  Steps small(shared, student_config()), large(shared, wide);
  small.train_step.plan();
  small.train_step.allocate();
  CHECK_THROWS_AS(large.train_step.plan(), InternalError);
  CHECK_FALSE(shared->exec.planning);
}

}  // namespace
}  // namespace sy
