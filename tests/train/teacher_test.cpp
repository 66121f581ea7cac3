// SPDX-License-Identifier: Apache-2.0
// Steps with a teacher: on every mesh as on one rank, exactly as planned, and what of the teacher
// the student begins with.
#include "lib/train/teacher.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/gemm/gemm.h"
#include "lib/tensor/transfer.h"
#include "lib/train/checkpointing.h"
#include "tests/support/shared_files.h"
#include "tests/train/alone.h"
#include "tests/train/gemm_allocations.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

using Overrides = std::vector<std::string>;

RunConfig small_config(const Overrides& more) {
  Overrides overrides{"data.encoder_length=16", "train.global_batch=8"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return tiny_config(test_backend(), overrides);
}

// A wide teacher with experts, unlike any student below in every size that may differ.
RunConfig wide_teacher(const Overrides& more = {}) {
  Overrides overrides{"model.d_model=48", "model.d_ff=96", "model.encoder_layers=1",
                      "model.experts.interval=1"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return small_config(overrides);
}

RunConfig student(const std::string& teacher, const Overrides& more = {}) {
  Overrides overrides{"model.experts.count=0", "distill.teacher=" + teacher, "distill.start=random",
                      "distill.temperature=1.5"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return small_config(overrides);
}

std::string on_every_rank(const std::string& text) {
  auto size = static_cast<int32_t>(text.size());
  test_world().broadcast(Tensor(&size, DType::i32, {1}), 0, "size of a text");
  std::vector<int32_t> letters(text.begin(), text.end());
  letters.resize(static_cast<size_t>(size));
  test_world().broadcast(Tensor(letters.data(), DType::i32, {size}), 0, "a text");
  return {letters.begin(), letters.end()};
}

// Writes the initial weights of this model as a checkpoint of one rank; returns its folder.
// Collective.
std::string save_teacher(const RunConfig& config) {
  std::string path;
  if (test_world().rank() == 0) {
    AloneAtStart alone(config, false);
    const std::string folder = temporary_folder();
    CheckpointWriter writer(folder, 0, 1, 0);
    RunInputs inputs;
    inputs.data_shards = {{"text.json", 1, 1}};
    writer.start(checkpoint_tensors(alone.session, nullptr),
                 checkpoint_meta(alone.session, inputs, {}, {}));
    writer.wait_ready();
    writer.commit();
    path = folder + "/step-00000000";
  }
  return on_every_rank(path);
}

// A global batch, of which the last two sequences are padding.
std::vector<Example> examples_of(const RunConfig& config, int64_t step) {
  const int64_t all = config.train.global_batch;
  std::vector<Example> examples = synthetic_examples(config, step * all, all);
  for (size_t i = examples.size() - 2; i < examples.size(); ++i) {
    examples[i].inputs.clear();
    examples[i].targets.clear();
  }
  return examples;
}

// A student and its teacher on a runtime, ready for the first step.
struct Taught {
  explicit Taught(const std::shared_ptr<Runtime>& runtime_, const RunConfig& config)
      : runtime(runtime_),
        session(*runtime, config, nullptr, true),
        teacher(session),
        train_step(session, &teacher),
        batch(session.exec, session.sequences_per_rank(), session.config.train.micro_batch,
              session.config.data.encoder_length, session.config.data.decoder_length.value) {
    train_step.plan();
    train_step.allocate();
    train_step.initialize();
    teacher.start_student();
  }
  explicit Taught(const RunConfig& config, Traffic* sent = nullptr)
      : Taught(make_runtime(config, sent), config) {}

  void fill() {
    const std::vector<Example> examples = examples_of(session.config, step);
    const int64_t count = session.sequences_per_rank();
    const auto first = examples.begin() + session.mesh.data_rank() * count;
    batch.fill({first, first + count});
    tokens = tokens_of(examples);
  }
  StepResult run_filled() { return train_step.run(++step, batch, tokens); }
  StepResult run() {
    fill();
    return run_filled();
  }

  std::shared_ptr<Runtime> runtime;
  Session session;
  Teacher teacher;
  TrainStep train_step;
  StepBatch batch;
  StepTokens tokens;
  int64_t step = 0;
};

// The same on this rank alone, on the CPU.
struct TaughtAlone {
  explicit TaughtAlone(const RunConfig& config)
      : taught(
            std::make_shared<Runtime>(AloneSession::on_the_cpu(config), *world, RankResources{1}),
            AloneSession::on_the_cpu(config)) {}

  std::unique_ptr<Communicator> world = make_self_communicator();
  Taught taught;
};

std::vector<StepResult> three_steps(Taught& taught) {
  std::vector<StepResult> results;
  for (int i = 0; i < 3; ++i) results.push_back(taught.run());
  return results;
}

std::vector<float> numbers_of(Exec& exec, Tensor tensor) {
  std::vector<float> numbers(static_cast<size_t>(tensor.numel()));
  download(exec, Tensor(numbers.data(), tensor.dtype(), tensor.shape()), tensor);
  return numbers;
}

TEST_CASE("teacher: the same steps on every mesh", "[teacher]") {
  const WithoutLaunchBlocking as_in_a_run;
  const Overrides kind =
      GENERATE(Overrides{}, Overrides{"model.experts.count=4", "mesh.zero_stage=1"},
               Overrides{"mesh.sequence_parallel=true", "data.decoder_length=8"});
  const std::string path = save_teacher(wide_teacher(
      kind.size() == 2 && kind[0].starts_with("mesh") ? Overrides{kind[1]} : Overrides{}));
  const RunConfig config = student(path, kind);
  TaughtAlone alone(config);
  const std::vector<StepResult> expected = three_steps(alone.taught);
  for (int model = 1; model <= test_world().size(); model *= 2) {
    CAPTURE(kind, model);
    RunConfig cut = config;
    cut.mesh.model = model;
    Traffic sent;
    Taught taught(cut, &sent);
    sent.clear();
    const std::vector<StepResult> results = three_steps(taught);
    for (size_t i = 0; i < results.size(); ++i) {
      REQUIRE(results[i].updated);
      CHECK(results[i].loss == Approx(expected[i].loss).epsilon(1e-5));
      CHECK(results[i].soft_loss.value() == Approx(expected[i].soft_loss.value()).epsilon(1e-5));
      CHECK(results[i].grad_norm == Approx(expected[i].grad_norm).epsilon(2e-5));
    }
    // The teacher's four experts are shared out though the student may have none.
    const TrafficKey rows{"expert", "all_to_all_rows", "decoder/layers/0/moe dispatch"};
    CHECK((taught.teacher.traffic().records().count(rows) == 1) ==
          (taught.session.mesh.shape().data() > 1));
  }
}

TEST_CASE("teacher: a step sends what was planned", "[teacher]") {
  const WithoutLaunchBlocking as_in_a_run;
  const std::string path = save_teacher(wide_teacher());
  for (int model = 1; model <= test_world().size(); model *= 2) {
    const RunConfig config = student(path, {fmt::format("mesh.model={}", model)});
    Traffic sent;
    Taught taught(config, &sent);
    sent.clear();
    taught.run();
    const auto& planned = taught.train_step.traffic().records();
    CHECK(planned.size() == sent.records().size());
    for (const auto& [key, count] : planned) {
      INFO(key.axis << " " << key.collective << " " << key.label);
      REQUIRE(sent.records().count(key) == 1);
      CHECK(sent.records().at(key) == count);
    }
  }
}

TEST_CASE("teacher: nothing is allocated after the first step", "[teacher]") {
  if (test_backend() == Backend::cuda || test_world().size() > 1) return;
  const std::string path = save_teacher(wide_teacher());
  Taught taught(student(path));
  const TrainStep::Memory memory = taught.train_step.memory();
  CHECK(memory.teacher == taught.teacher.memory());
  CHECK(memory.total() == memory.model.total() + memory.optimizer + memory.teacher);
  const int64_t weights = 4 * taught.session.model.params().global_count();
  CHECK(memory.teacher > weights);        // it is wider
  taught.session.exec.profiler.enable();  // counts the GEMMs
  taught.run();
  taught.run_filled();
  GemmCounts& products = taught.session.exec.state<GemmCounts>();
  for (auto& [shape, times] : products) times = 0;
  const int64_t before = allocations().count;
  taught.run_filled();
  const int64_t in_step = allocations().count - before;
  CHECK(in_step == allocations_of(products));
}

TEST_CASE("teacher: soft = 0 gives the bits of a run without a teacher", "[teacher]") {
  const std::string path = save_teacher(wide_teacher());
  const std::string precision = GENERATE("float32", "bfloat16");
  const RunConfig config =
      student(path, {"distill.soft=0", "train.logit_z_loss=1e-3", "precision=" + precision});
  Taught taught(config);
  Steps plain(make_runtime(config), config);
  plain.train_step.plan();
  plain.train_step.allocate();
  plain.train_step.initialize();
  for (int i = 0; i < 2; ++i) {
    const StepResult with = taught.run();
    plain.fill(examples_of(taught.session.config, plain.step));
    const StepResult without = plain.run();
    CHECK(with.loss == without.loss);
    CHECK(with.grad_norm == without.grad_norm);
    CHECK(with.soft_loss.has_value());
    CHECK_FALSE(without.soft_loss.has_value());
  }
  const auto& params = plain.session.model.params().all();
  for (size_t i = 0; i < params.size(); ++i) {
    CAPTURE(params[i].name);
    CHECK(numbers_of(taught.session.exec, taught.session.model.params().all()[i].value) ==
          numbers_of(plain.session.exec, params[i].value));
  }
}

TEST_CASE("teacher: it has no gradient for a student that equals it", "[teacher]") {
  const Overrides still{"model.dropout=0", "model.experts.count=0"};
  const std::string path = save_teacher(small_config(still));
  const double temperature = GENERATE(1.0, 3.0);
  Taught taught(student(path, {"model.dropout=0", "distill.start=shared", "distill.soft=1",
                               fmt::format("distill.temperature={}", temperature)}));
  const StepResult result = taught.run();
  CHECK(result.grad_norm < 1e-5);
  CHECK(result.soft_loss.value() > 0);
  // One of other weights has.
  const std::string other = save_teacher(small_config({"model.experts.count=0", "run.seed=9"}));
  Taught differs(student(other, {"model.dropout=0", "distill.soft=1"}));
  CHECK(differs.run().grad_norm > 1e-2);
}

TEST_CASE("teacher: it is asked from distill.start_step on", "[teacher]") {
  const std::string path = save_teacher(wide_teacher());
  Taught taught(student(path, {"distill.start_step=2"}));
  const std::vector<StepResult> results = three_steps(taught);
  CHECK_FALSE(results[0].soft_loss.has_value());
  CHECK_FALSE(results[1].soft_loss.has_value());
  CHECK(results[2].soft_loss.value() > 0);
}

TEST_CASE("teacher: the student begins with what both have", "[teacher]") {
  const WithoutLaunchBlocking as_in_a_run;
  const std::string path = save_teacher(small_config({"run.seed=11"}));
  const RunConfig config = student(path, {"distill.start=shared", "mesh.zero_stage=1"});
  AloneAtStart theirs(small_config({"run.seed=11"}), false), random(config, false);
  Taught taught(config);
  int64_t shared = 0;
  for (const Param& param : taught.session.model.params().all()) {
    CAPTURE(param.name);
    // The second of two layers has experts in the teacher alone.
    const bool sparse = param.name.find("layers/1/ffn/w") != std::string::npos;
    Session& source = (sparse ? random : theirs).session;
    shared += sparse ? 0 : param.shape.numel();
    std::string name = param.name;
    if (const size_t at = name.find("layers/1/ffn/norm"); at != std::string::npos) {
      name.replace(at, std::string::npos, "layers/1/moe/norm");
    }
    CHECK(numbers_of(taught.session.exec, param.value) ==
          numbers_of(source.exec, source.model.params().find(name)->value));
  }
  CHECK(restore_shared_parameters(taught.session, CheckpointReader(path)) == shared);
}

void check_refused(const RunConfig& config, const std::vector<std::string>& words) {
  const std::shared_ptr<Runtime> runtime = make_runtime(config);
  Session session(*runtime, config, nullptr, true);
  std::string message;
  try {
    const Teacher teacher(session);
  } catch (const ConfigError& error) {
    message = error.what();
  }
  for (const std::string& word : words) CHECK_THAT(message, Catch::Contains(word));
}

TEST_CASE("teacher: what does not fit is refused", "[teacher]") {
  const std::string path = save_teacher(wide_teacher());
  RunConfig none = student(path);
  none.distill.teacher.clear();
  check_refused(none, {"distill.teacher: is empty"});
  check_refused(student(path, {"model.vocab_size=512"}),
                {"distill.teacher", "model.vocab_size: 256 -> 512"});
  check_refused(student(path, {"model.start_id=3"}), {"model.start_id: 0 -> 3"});
  check_refused(student(path, {"data.encoder_length=20"}),
                {"data.encoder_length: 16 -> 20", "set the student's values"});
  check_refused(student(path, {"distill.start=shared"}),
                {"model.d_model is 32 and the teacher's 48", "distill.start: random"});
  check_refused(
      student(path, {"distill.start=shared", "model.d_model=48", "train.initialize_from=x"}),
      {"train.initialize_from", "distill.start: random"});
  const std::string grouped = save_teacher(wide_teacher({"model.experts.group_sequences=2"}));
  check_refused(student(grouped, {"train.micro_batch=1"}),
                {"cannot run with the student", "model.experts.group_sequences"});
  const RunConfig absent = student("nowhere");
  const std::shared_ptr<Runtime> runtime = make_runtime(absent);
  Session session(*runtime, absent, nullptr, true);
  CHECK_THROWS_AS(Teacher(session), DataError);
}

}  // namespace
}  // namespace sy
