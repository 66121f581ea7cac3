// SPDX-License-Identifier: Apache-2.0
#include "lib/train/checkpointing.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "kernels/elementwise/elementwise.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/paths.h"
#include "lib/checkpoint/checksum.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/locate.h"
#include "lib/config/config.h"
#include "lib/data/corpora.h"
#include "lib/data/stream_state.h"
#include "lib/dist/share_texts.h"
#include "lib/tensor/transfer.h"
#include "lib/train/intact_checkpoint.h"
#include "lib/train/optimizer/value_gather.h"

namespace sy {
namespace {

constexpr int64_t kLargestTokenizer = int64_t{1} << 30;  // bytes

// What a checkpoint stores of a tokenizer.
std::string read_tokenizer(const std::string& model) {
  return is_byte_tokenizer(model) ? byte_tokenizer_model()
                                  : checkpoint::read_text(model, kLargestTokenizer);
}

// The files that training reads, in its order, without their digests. Folders of a task, which hold
// a file for each example, are left out; the number of examples is compared instead.
std::vector<DataShard> training_files(const DataSection& data) {
  std::vector<DataShard> files;
  for (const Corpus& corpus : find_corpora(data, Split::train)) {
    for (const std::string& path : corpus.shards) files.push_back({path, 0, 0, corpus.name});
  }
  for (const TaskSection& task : data.tasks) {
    for (const std::string& pattern : task.train) {
      std::vector<std::string> matches = match_files(pattern);
      std::erase_if(matches, [](const auto& path) { return std::filesystem::is_directory(path); });
      std::sort(matches.begin(), matches.end());
      for (const std::string& path : matches) files.push_back({path});
    }
  }
  return files;
}

// A tensor of the parameter itself or of its optimiser state, `own` being what belongs to the
// slices that this rank owns.
void add_tensor(std::vector<CheckpointTensor>& tensors, Session& session, const Param& param,
                const Placement& placement, const std::string& name, Tensor own, Shape global) {
  const auto number = static_cast<int64_t>(tensors.size());
  const MeshPlace& place = session.mesh.place();
  const ParamStore& params = session.model.params();
  const bool spread = params.regions()[params.region_of(param)].is_spread();
  const Slab slab = param.own_slab(placement.slab(global, place));
  tensors.push_back({name, own, global, slab,
                     slab.numel() > 0 && writes(placement.axes(), place, number, spread)});
}

std::string stream_name(int64_t stream) {
  return fmt::format("stream-{:05d}", stream);
}

// Versions before the model axis stored the second moment of a matrix that Adafactor does not
// factor as a row, [slices, n * m]. Where this rank's part is contiguous there, the tensor as that
// row.
CheckpointTensor as_stored(const CheckpointTensor& tensor, const CheckpointReader::Entry& entry) {
  const int rank = tensor.global.rank();
  if (entry.global == tensor.global || entry.global.rank() != 2 || rank < 2) return tensor;
  const int row = rank - 2, col = rank - 1;
  const int64_t slices = rank == 3 ? tensor.global[0] : 1, m = tensor.global[col];
  const bool contiguous = tensor.slab.extent[col] == m;
  if (!contiguous || !(entry.global == Shape{slices, tensor.global[row] * m})) return tensor;
  CheckpointTensor flat = tensor;
  flat.global = entry.global;
  flat.slab.offset = {rank == 3 ? tensor.slab.offset[0] : 0, tensor.slab.offset[row] * m};
  flat.slab.extent = {rank == 3 ? tensor.slab.extent[0] : 1, tensor.slab.extent[row] * m};
  flat.local = tensor.local.view(flat.slab.extent);
  return flat;
}

std::vector<CheckpointTensor> as_stored(std::vector<CheckpointTensor> tensors,
                                        const CheckpointReader& checkpoint) {
  std::map<std::string, const CheckpointReader::Entry*> entries;
  for (const CheckpointReader::Entry& entry : checkpoint.tensors()) entries[entry.name] = &entry;
  for (CheckpointTensor& tensor : tensors) {
    const auto entry = entries.find(tensor.name);
    if (entry != entries.end()) tensor = as_stored(tensor, *entry->second);
  }
  return tensors;
}

// Tensors of another model would be refused one by one; its keys say why.
void require_same_model(const RunConfig& is, const CheckpointReader& checkpoint,
                        const std::string& what) {
  const RunConfig was = parse_config(checkpoint.config_yaml(), "the checkpoint's configuration");
  const std::vector<std::string> differences = model_differences(was.model, is.model);
  if (differences.empty()) return;
  std::string message = what + " holds another model than the configuration (checkpoint -> here):";
  for (const std::string& line : differences) message += "\n  " + line;
  throw ConfigError(message);
}

constexpr JsonLimits kStateLimits{.bytes = 16 << 20, .depth = 8};

RunState read_run_state(const CheckpointReader& checkpoint) {
  const Json object =
      parse_json(checkpoint.state_json(), "the state of the checkpoint", kStateLimits);
  RunState state;
  state.step = checkpoint.step();
  try {
    state.tokens = object.at("tokens");
    state.steps_before = object.value("steps_before", int64_t{0});
    state.skipped_steps = object.value("skipped_steps", int64_t{0});
    state.rewinds = object.value("rewinds", int64_t{0});
    const Json all = object.value("best", Json::object());
    for (const auto& [task, best] : all.items()) {
      state.best.push_back({task, best.at("step"), best.at("value")});
    }
    for (const Json& loss : object.value("losses", Json::array())) {
      state.losses.push_back({loss.at(0), loss.at(1)});
    }
  } catch (const Json::exception& error) {
    throw DataError(fmt::format(
        "the state of the checkpoint is incomplete ({}); use an earlier one", error.what()));
  }
  return state;
}

std::string state_text(const RunState& state, int64_t seed) {
  Json object{{"step", state.step}, {"tokens", state.tokens}, {"seed", seed}};
  const auto add = [&](const char* key, int64_t count) {
    if (count > 0) object[key] = count;
  };
  add("steps_before", state.steps_before);
  add("skipped_steps", state.skipped_steps);
  add("rewinds", state.rewinds);
  for (const BestCheckpoint& best : state.best) {
    object["best"][best.task] = {{"step", best.step}, {"value", best.value}};
  }
  for (const StepLoss& loss : state.losses) {
    object["losses"].push_back(Json::array({loss.step, loss.loss}));
  }
  return json_line(object);
}

// Whether training can start from the checkpoint at `path`.
void check_initial(const Session& session, const CheckpointReader& checkpoint,
                   const std::string& path) {
  require_same_model(session.config, checkpoint, "train.initialize_from: " + path);
  if (log::rank() == 0 && session.tokenizer != nullptr) {
    warn_of_other_tokenizer(session.config.data.tokenizer, checkpoint);
  }
}

// The name that the norm of a feed-forward layer has where the layer has experts, and the reverse;
// other names stay.
std::string norm_of_other_kind(std::string name) {
  constexpr std::string_view kDense = "/ffn/norm", kSparse = "/moe/norm";
  const auto replace = [&](std::string_view from, std::string_view to) {
    return name.replace(name.size() - from.size(), from.size(), to);
  };
  if (name.ends_with(kDense)) return replace(kDense, kSparse);
  if (name.ends_with(kSparse)) return replace(kSparse, kDense);
  return name;
}

// After the values that this rank owns were set.
void complete_values(Session& session) {
  session.model.params().update_compute(session.exec);
  gather_values(session.model.params(), session.mesh);
}

}  // namespace

std::vector<CheckpointTensor> checkpoint_tensors(Session& session, const Optimizer* optimizer) {
  std::vector<CheckpointTensor> tensors;
  for (const Param& param : session.model.params().all()) {
    add_tensor(tensors, session, param, param.placement, "parameters/" + param.name, param.master,
               param.shape);
  }
  for (const Buffer& buffer : session.model.params().buffers()) {
    const auto number = static_cast<int64_t>(tensors.size());
    const Shape shape = buffer.value.shape();
    const MeshPlace& place = session.mesh.place();
    const Placement everywhere = Placement::replicated();
    tensors.push_back({"buffers/" + buffer.name, buffer.value, shape, everywhere.slab(shape, place),
                       writes(everywhere.axes(), place, number)});
  }
  if (optimizer == nullptr) return tensors;
  for (const OptimizerTensor& state : optimizer->state()) {
    add_tensor(tensors, session, *state.param, state.placement, state.name, state.value,
               state.global);
  }
  return tensors;
}

RunInputs read_run_inputs(const DataSection& data) {
  RunInputs inputs;
  if (data.format == DataFormat::text) inputs.tokenizer = read_tokenizer(data.tokenizer);
  for (DataShard& shard : training_files(data)) {
    const checkpoint::FileDigest digest = checkpoint::digest_ends(shard.path);
    shard.bytes = digest.bytes;
    shard.checksum = digest.checksum;
    inputs.data_shards.push_back(std::move(shard));
  }
  return inputs;
}

CheckpointMeta checkpoint_meta(const Session& session, const RunInputs& inputs,
                               const RunState& state, const std::vector<StreamState>& streams) {
  CheckpointMeta meta;
  meta.step = state.step;
  meta.config_yaml = write_config(session.config);
  meta.state_json = state_text(state, session.config.run.seed);
  meta.tokenizer = inputs.tokenizer;
  meta.data_shards = inputs.data_shards;
  for (const StreamState& stream : streams) {
    meta.streams.emplace_back(stream_name(stream.stream), serialize(stream));
  }
  return meta;
}

CheckpointCopy checkpoint_copy_out(Exec& exec) {
  if (exec.backend == Backend::cpu) {
    return [&exec](Tensor to, Tensor from) { copy(exec, to, from); };
  }
  return [&exec](Tensor to, Tensor from) { download(exec, to, from); };
}

CheckpointCopy checkpoint_copy_in(Exec& exec) {
  if (exec.backend == Backend::cpu) return {};
  return [&exec](Tensor to, Tensor from) { upload(exec, to, from); };
}

void restore_tensors(Session& session, const Optimizer& optimizer,
                     const CheckpointReader& checkpoint) {
  checkpoint.read(as_stored(checkpoint_tensors(session, &optimizer), checkpoint),
                  CheckpointReader::Extra::refuse, checkpoint_copy_in(session.exec));
  complete_values(session);
}

RunState restore(Session& session, Optimizer& optimizer, Loader& loader,
                 const CheckpointReader& checkpoint) {
  restore_tensors(session, optimizer, checkpoint);
  std::vector<StreamState> streams;
  const LoaderPlace place = session.loader_place(session.config.train.global_batch);
  for (int64_t i = 0; i < place.num_streams; ++i) {
    const std::string name = stream_name(place.first_stream + i);
    streams.push_back(parse_stream_state(checkpoint.stream(name), name));
  }
  loader.restore(streams);
  return read_run_state(checkpoint);
}

bool has_same_tokenizer(const std::string& tokenizer, const CheckpointReader& checkpoint) {
  const std::string stored = checkpoint.tokenizer();
  const bool absent = !is_byte_tokenizer(tokenizer) && !std::filesystem::exists(tokenizer);
  return stored.empty() || absent || read_tokenizer(stored) == read_tokenizer(tokenizer);
}

void warn_of_other_tokenizer(const std::string& tokenizer, const CheckpointReader& checkpoint) {
  if (has_same_tokenizer(tokenizer, checkpoint)) return;
  log::warn(
      "data.tokenizer: {} is another tokenizer than the checkpoint's, so ids may stand for other "
      "pieces than those that the model learnt; use {}",
      tokenizer, checkpoint.tokenizer());
}

RunState restore_parameters(Session& session, const CheckpointReader& checkpoint) {
  require_same_model(session.config, checkpoint, "the checkpoint");
  checkpoint.read(checkpoint_tensors(session, nullptr), CheckpointReader::Extra::allow,
                  checkpoint_copy_in(session.exec));
  complete_values(session);
  return read_run_state(checkpoint);
}

int64_t restore_shared_parameters(Session& session, const CheckpointReader& checkpoint) {
  std::map<std::string, Shape> stored;
  for (const CheckpointReader::Entry& entry : checkpoint.tensors()) {
    stored[entry.name] = entry.global;
  }
  std::vector<CheckpointTensor> shared;
  int64_t count = 0;
  for (CheckpointTensor& tensor : checkpoint_tensors(session, nullptr)) {
    if (stored.count(tensor.name) == 0) tensor.name = norm_of_other_kind(tensor.name);
    const auto found = stored.find(tensor.name);
    const bool has = found != stored.end() && found->second == tensor.global;
    if (!has || !tensor.name.starts_with("parameters/")) continue;
    shared.push_back(tensor);
    count += tensor.global.numel();
  }
  checkpoint.read(shared, CheckpointReader::Extra::allow, checkpoint_copy_in(session.exec));
  complete_values(session);
  return count;
}

std::string locate_for_all(const std::string& path, Communicator& world) {
  std::string found, fault;
  try {
    if (world.rank() == 0) found = locate_checkpoint(path);
  } catch (const DataError& error) {
    fault = error.what();
  }
  const std::vector<std::string> of_all = share_texts({found, fault}, world);
  if (!of_all[1].empty()) throw DataError(of_all[1]);
  return of_all[0];
}

void initialize_from_checkpoint(Session& session, const std::string& path) {
  const std::string found = locate_for_all(path, session.mesh.world());
  const CheckpointReader checkpoint(found);
  check_initial(session, checkpoint, found);
  checkpoint.read(checkpoint_tensors(session, nullptr), CheckpointReader::Extra::refuse,
                  checkpoint_copy_in(session.exec));
  complete_values(session);
  log::info("weights initialised from {} (its step {}); optimiser, schedule and data start fresh",
            found, checkpoint.step());
}

int64_t continue_from_checkpoint(Session& session, const Optimizer& optimizer,
                                 const std::string& path) {
  const std::string found = locate_for_all(path, session.mesh.world());
  const CheckpointReader checkpoint(found);
  check_initial(session, checkpoint, found);
  const auto& tensors = checkpoint.tensors();
  const bool has_state = std::any_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return tensor.name.starts_with("optimizer/");
  });
  if (!has_state) {
    throw DataError(fmt::format(
        "{} holds no state of an optimiser; set finetune.step: restart to begin with none", found));
  }
  restore_tensors(session, optimizer, checkpoint);
  const int64_t steps = checkpoint.step() + read_run_state(checkpoint).steps_before;
  log::info("weights and optimiser initialised from {}, after {} steps; the data start fresh",
            found, steps);
  return steps;
}

std::string checkpoint_to_resume(const std::string& resume, const std::string& folder,
                                 Communicator& world) {
  if (resume == "none") return "";
  if (resume == "auto") return newest_intact_checkpoint(folder, world);
  if (!std::filesystem::is_directory(resume)) {
    throw ConfigError(fmt::format(
        "--resume {}: no such checkpoint folder; give auto, none or a step-... folder", resume));
  }
  return locate_for_all(resume, world);
}

}  // namespace sy
