// A run's state to and from a checkpoint: parameters, optimiser, position in the data, counters.
// Every random draw is a function of (seed, step), so the step is all there is to save of the
// generators.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/train/optimizer/optimizer.h"
#include "lib/train/session.h"

namespace sy {

// Where the run stands besides its tensors.
struct RunState {
  int64_t step = 0;    // last finished step
  int64_t tokens = 0;  // input + target, so far
};

// This rank's view of every parameter and, when `optimizer` is given, of its state. Which rank
// writes a replicated piece goes round robin, so that all ranks write about the same.
std::vector<CheckpointTensor> checkpoint_tensors(Session& session, const Optimizer* optimizer);

// How the exec's tensors reach a checkpoint and come back; empty where they lie in host memory.
CheckpointCopy checkpoint_copy_out(Exec& exec);
CheckpointCopy checkpoint_copy_in(Exec& exec);

// What the run reads besides its configuration, for its checkpoints to hold or name.
struct RunInputs {
  std::string tokenizer;               // bytes of the SentencePiece model
  std::vector<DataShard> data_shards;  // of the training text
};
// Reads the tokenizer and the ends of every shard: for rank 0, once. Throws DataError.
RunInputs read_run_inputs(const DataSection& data);

CheckpointMeta checkpoint_meta(const Session& session, const RunInputs& inputs,
                               const RunState& state, const std::vector<StreamState>& streams);

// Reads everything back, on any mesh. Throws ConfigError when the configuration differs in what the
// tensors or the order of the data depend on, DataError when the checkpoint is at fault.
RunState restore(Session& session, Optimizer& optimizer, Loader& loader,
                 const CheckpointReader& checkpoint);

// Parameters alone, for evaluation and infilling. Throws ConfigError naming the keys of the model
// that differ, DataError when the checkpoint is at fault.
RunState restore_parameters(Session& session, const CheckpointReader& checkpoint);

// Starts from the parameters of a checkpoint (train.initialize_from; see locate_checkpoint): the
// optimiser, schedule and position in the data stay fresh. Every parameter must be there, and no
// other. Throws as restore_parameters does. Warns if the checkpoint's tokenizer is another one.
void initialize_from_checkpoint(Session& session, const std::string& path);

// The checkpoint that `resume` (auto, none or a path) means for this run: its path or "".
std::string checkpoint_to_resume(const std::string& resume, const std::string& folder);

}  // namespace sy
