// SPDX-License-Identifier: Apache-2.0
#include "lib/train/teacher.h"

#include "lib/base/log.h"
#include "lib/config/config.h"
#include "lib/train/checkpointing.h"

namespace sy {
namespace {

std::string find_checkpoint(const RunConfig& student, Communicator& world) {
  if (student.distill.teacher.empty()) {
    throw ConfigError(
        "distill.teacher: is empty; give the teacher's checkpoint, or the folder of its run");
  }
  if (student.distill.start == StudentStart::shared && !student.train.initialize_from.empty()) {
    throw ConfigError(
        "train.initialize_from: says where the student's parameters come from, and so does "
        "distill.start: shared; leave it empty, or use distill.start: random");
  }
  return locate_for_all(student.distill.teacher, world);
}

class Faults {
 public:
  void compare(const char* key, int64_t teacher, int64_t student) {
    if (teacher == student) return;
    lines_ += fmt::format("\n  {}: {} -> {}", key, teacher, student);
  }
  void add(const std::string& line) { lines_ += "\n  " + line; }
  void throw_if_any(const std::string& path) const {
    if (lines_.empty()) return;
    throw ConfigError(
        fmt::format("distill.teacher: {} does not read what the student reads (teacher -> "
                    "student); set the student's values to the teacher's, or take another "
                    "teacher:{}",
                    path, lines_));
  }

 private:
  std::string lines_;
};

// A converted checkpoint was trained on no data that it names, and has no lengths of its own.
void compare_lengths(Faults& faults, const DataSection& teacher, const DataSection& student) {
  faults.compare("data.encoder_length", teacher.encoder_length, student.encoder_length);
  if (teacher.decoder_length.is_auto) return;
  faults.compare("data.decoder_length", teacher.decoder_length.value, student.decoder_length.value);
}

void require_same_reading(const std::string& path, const RunConfig& teacher, const Session& student,
                          const CheckpointReader& checkpoint) {
  Faults faults;
  const RunConfig& config = student.config;
  faults.compare("model.vocab_size", teacher.model.vocab_size.value, config.model.vocab_size.value);
  const SpecialIds theirs = special_ids(teacher.model), ours = special_ids(config.model);
  faults.compare("model.pad_id", theirs.pad, ours.pad);
  faults.compare("model.eos_id", theirs.eos, ours.eos);
  faults.compare("model.start_id", theirs.start, ours.start);
  if (!checkpoint.data_shards().empty()) compare_lengths(faults, teacher.data, config.data);
  if (student.tokenizer != nullptr && !has_same_tokenizer(config.data.tokenizer, checkpoint)) {
    faults.add(fmt::format("data.tokenizer: {} has other contents than {}", checkpoint.tokenizer(),
                           config.data.tokenizer));
  }
  faults.throw_if_any(path);
}

void require_same_width(const RunConfig& teacher, const RunConfig& student) {
  const int64_t theirs = teacher.model.d_model, ours = student.model.d_model;
  if (theirs == ours || student.distill.start == StudentStart::random) return;
  throw ConfigError(
      fmt::format("distill.start: shared needs a student of the teacher's width, but model.d_model "
                  "is {} and the teacher's {}; use that, or distill.start: random",
                  ours, theirs));
}

}  // namespace

Teacher::Teacher(Session& student)
    : student_(student),
      path_(find_checkpoint(student.config, student.mesh.world())),
      checkpoint_(path_),
      session_(open()) {}

// The student's configuration with the teacher's model.
std::unique_ptr<Session> Teacher::open() {
  const RunConfig stored = parse_config(checkpoint_.config_yaml(), path_ + "'s configuration");
  require_same_reading(path_, stored, student_, checkpoint_);
  require_same_width(stored, student_.config);
  RunConfig config = student_.config;
  config.model = stored.model;
  config.mesh.expert = {};
  config.train.eval_every = 0;
  // One block's activations at a time: nothing goes backward.
  ModelShape shape = student_.model.shape();
  shape.recompute = Recompute::blocks;
  try {
    return std::make_unique<Session>(student_.runtime, mesh_for(config), config, student_.tokenizer,
                                     /*training=*/false, shape);
  } catch (const ConfigError& error) {
    throw ConfigError(
        fmt::format("distill.teacher: {} cannot run with the student:\n{}", path_, error.what()));
  }
}

Mesh& Teacher::mesh_for(const RunConfig& config) {
  throw_errors(find_errors(config));
  Mesh& students = student_.mesh;
  const auto expert = static_cast<int>(expert_ranks(config, students.shape().data()));
  if (students.shape().expert == expert) return students;
  return own_mesh_.emplace(student_.runtime.mesh_with_experts_on(expert));
}

void Teacher::plan() {
  session_->model.plan(session_->exec);
}

void Teacher::allocate() {
  session_->model.allocate(session_->exec);
}

void Teacher::load() {
  restore_parameters(*session_, checkpoint_);
}

bool Teacher::teaches(int64_t step) const {
  return step > student_.config.distill.start_step;
}

SoftTargets Teacher::targets_of(Tensor h) {
  const DistillSection& distill = student_.config.distill;
  return {&session_->model.output(), h, distill.soft, distill.temperature};
}

SoftTargets Teacher::targets(const Batch& batch, StepContext step) {
  step.training = false;
  return targets_of(session_->model.decoder_output(session_->exec, batch, step));
}

SoftTargets Teacher::planned_targets() {
  const SwitchModel& model = session_->model;
  const Shape h{model.shape().sequences * model.shape().decoder_length, model.config().d_model};
  return targets_of(Tensor(nullptr, session_->model.params().dtype(), h));
}

void Teacher::start_student() {
  if (student_.config.distill.start == StudentStart::random) return;
  const int64_t all = student_.model.params().global_count();
  const int64_t shared = restore_shared_parameters(student_, checkpoint_);
  log::info("{} of the student's {} parameters ({:.1f} %) come from the teacher", shared, all,
            100.0 * static_cast<double>(shared) / static_cast<double>(all));
}

int64_t Teacher::memory() const {
  const SwitchModel::Memory memory = session_->model.memory();
  return memory.parameters + memory.activations;
}

void Teacher::log_opened() const {
  const SwitchModel::Memory memory = session_->model.memory();
  const auto mib = [](int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  log::info(
      "teacher: {} (its step {}), {} parameters; memory per rank: parameters {:.1f} MiB, "
      "activations {:.1f}",
      path_, checkpoint_.step(), session_->model.params().global_count(), mib(memory.parameters),
      mib(memory.activations));
}

void Teacher::log_compression() const {
  const int64_t ours = student_.model.params().global_count();
  const int64_t theirs = session_->model.params().global_count();
  log::info("distilled: the student has {} parameters, {:.1f} % fewer than the teacher's {}", ours,
            100.0 * (1 - static_cast<double>(ours) / static_cast<double>(theirs)), theirs);
}

}  // namespace sy
