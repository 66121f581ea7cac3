// SPDX-License-Identifier: Apache-2.0
// Saves and restores the state of a run: parameters, optimiser, position in the data, counters.
// Random numbers are functions of (seed, step), so no generator state needs saving.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/train/best_checkpoints.h"
#include "lib/train/optimizer/optimizer.h"
#include "lib/train/session.h"
#include "lib/train/spike_guard.h"

namespace sy {

// The state of a run besides its tensors.
struct RunState {
  int64_t step = 0;    // last completed step
  int64_t tokens = 0;  // input and target tokens so far
  // Steps of the optimiser before this run (finetune.step: resume).
  int64_t steps_before = 0;
  std::vector<BestCheckpoint> best;  // of each task so far (finetune.keep_best)
  std::vector<StepLoss> losses;      // SpikeGuard::losses()
  int64_t skipped_steps = 0;         // in a row, up to `step`
  int64_t rewinds = 0;               // to one checkpoint, since a step was applied
};

// The tensors of a checkpoint as this rank holds them: every parameter, every buffer and, if
// `optimizer` is given, its state. Ranks that hold the same shard take turns in writing, so that
// all ranks write about the same amount. Of what one of them updates alone, the others hold and
// write nothing.
std::vector<CheckpointTensor> checkpoint_tensors(Session& session, const Optimizer* optimizer);

// Copy tensors between the exec's memory and the host; out with all threads of the exec, in empty
// if they are in host memory.
CheckpointCopy checkpoint_copy_out(Exec& exec);
CheckpointCopy checkpoint_copy_in(Exec& exec);

// The inputs of a run that a checkpoint stores or names.
struct RunInputs {
  std::string tokenizer;               // contents of the tokenizer's file; "": none
  std::vector<DataShard> data_shards;  // training shards
};
// Reads the tokenizer and the end of every shard. Called once, on rank 0. Throws DataError.
RunInputs read_run_inputs(const DataSection& data);

CheckpointMeta checkpoint_meta(const Session& session, const RunInputs& inputs,
                               const RunState& state, const std::vector<StreamState>& streams);

// Overwrites the parameters and the optimiser's state with those of a checkpoint, whatever mesh
// wrote it, also in the shapes of earlier versions. Throws DataError if any is missing, of another
// shape or damaged. Collective, as are the next three.
void restore_tensors(Session& session, const Optimizer& optimizer,
                     const CheckpointReader& checkpoint);

// Restores everything, on any mesh. The checkpoint must be one that plan_resume (resume.h) accepts.
// Throws DataError if it is damaged.
RunState restore(Session& session, Optimizer& optimizer, Loader& loader,
                 const CheckpointReader& checkpoint);

// Restores only the parameters, for evaluation and infilling. Throws ConfigError naming the keys of
// the model that differ, DataError when the checkpoint is at fault.
RunState restore_parameters(Session& session, const CheckpointReader& checkpoint);

// Overwrites those parameters that the checkpoint has too, under the same name and in the same
// shape, and leaves the others as they are. A feed-forward layer with experts in one of the two
// shares its norm. Returns how many numbers of the whole model these are.
// Throws DataError if the checkpoint is damaged.
int64_t restore_shared_parameters(Session& session, const CheckpointReader& checkpoint);

// Whether the file `tokenizer` has the contents of the checkpoint's tokenizer; true if one of the
// two does not exist.
bool has_same_tokenizer(const std::string& tokenizer, const CheckpointReader& checkpoint);
// Warns if the file `tokenizer` exists and is not the checkpoint's tokenizer.
void warn_of_other_tokenizer(const std::string& tokenizer, const CheckpointReader& checkpoint);

// The checkpoint that `path` names (locate_checkpoint), as rank 0 finds it: of a run that goes on,
// the next rank could find a later one. Throws as locate_checkpoint does. Collective.
std::string locate_for_all(const std::string& path, Communicator& world);

// Starts from the parameters of a checkpoint (train.initialize_from; see locate_for_all): the
// optimiser, schedule and position in the data stay fresh. Every parameter must be there, and no
// other. Throws as restore_parameters does. Warns if the checkpoint's tokenizer is another one.
void initialize_from_checkpoint(Session& session, const std::string& path);

// The same, but the optimiser's state is taken over, too, and Adafactor's decay and the schedule go
// on (finetune.step: resume). Returns the steps that the optimiser has made. Throws DataError if
// the checkpoint has no state of this optimiser.
int64_t continue_from_checkpoint(Session& session, const Optimizer& optimizer,
                                 const std::string& path);

// The path of the checkpoint that `resume` selects for this run, whose checkpoints are in `folder`,
// or "" for none: auto (newest_intact_checkpoint), none, or a path. Collective.
std::string checkpoint_to_resume(const std::string& resume, const std::string& folder,
                                 Communicator& world);

}  // namespace sy
