// SPDX-License-Identifier: Apache-2.0
// The configuration of a run: plain structs with defaults. Each struct lists its keys once, in
// fields(visitor), as (key, member, one line of documentation). Parsing, writing and the generated
// reference all use that list.
#pragma once

#include <cstdint>
#include <string>

#include "lib/config/data_config.h"
#include "lib/config/model_config.h"
#include "lib/config/value_types.h"

namespace sy {

struct RunSection {
  std::string name = "run";
  std::string directory = "runs";
  int64_t seed = 1;
  AutoInt threads;
  double hang_timeout_seconds = 600;
  int64_t replay_every = 0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "run name; the run is stored in directory/name");
    visit("directory", directory, "parent folder of all runs");
    visit("seed", seed, "seed of all randomness: data order, masks, initialisation, dropout");
    visit("threads", threads,
          "compute threads per rank; auto: OMP_NUM_THREADS if it is set, else the cores that the "
          "launcher gives, divided among the ranks that share them");
    visit("hang_timeout_seconds", hang_timeout_seconds,
          "abort, naming the collective or the wait for files, if one takes longer than this; 0: "
          "never");
    visit("replay_every", replay_every,
          "steps between replays: a step is computed twice and must give the same bits, else the "
          "run stops and names the rank; 0: never");
  }
};

struct MeshSection {
  int64_t model = 1;
  AutoInt expert;
  bool sequence_parallel = false;
  int64_t zero_stage = 0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("model", model,
          "ranks that share the matrices of one model replica; data ranks = ranks / model");
    visit("expert", expert,
          "data ranks that the experts are spread over; auto: the largest divisor of both the "
          "number of experts and the data ranks");
    visit("sequence_parallel", sequence_parallel,
          "with mesh.model above 1: cut the residual stream, norms and dropout by rows over the "
          "model ranks");
    visit(
        "zero_stage", zero_stage,
        "0: every rank updates all parameters that it holds; 1: the ranks that hold the same ones "
        "divide their update, optimiser state and, in bfloat16, master weights (ZeRO-1)");
  }
};

struct OptimizerSection {
  OptimizerName name = OptimizerName::adafactor;
  double learning_rate = 1.0;
  ScheduleName schedule = ScheduleName::rsqrt;
  int64_t warmup_steps = 1000;
  double clip_norm = 1.0;
  double decay_exponent = 0.8;
  int64_t step_offset = 0;
  double update_clip = 1.0;
  RmsOver rms_over = RmsOver::expert;
  int64_t factor_from = 128;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  NonFinitePolicy on_nonfinite = NonFinitePolicy::stop;
  int64_t max_skipped_steps = 10;
  SpikePolicy on_spike = SpikePolicy::accept;
  double spike_deviations = 6.0;
  int64_t spike_window = 100;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "adafactor | adamw");
    visit("learning_rate", learning_rate, "factor on the schedule");
    visit("schedule", schedule,
          "rsqrt: 1/sqrt(max(step, warmup)); constant; linear or cosine decay to 0 at train.steps; "
          "the last three warm up linearly");
    visit("warmup_steps", warmup_steps, "warm-up steps");
    visit("clip_norm", clip_norm, "global norm that gradients are clipped to; 0: off");
    visit("decay_exponent", decay_exponent,
          "adafactor: decay of the second moment is 1 - step^-exponent");
    visit("step_offset", step_offset,
          "adafactor: after this step, decay_exponent's steps are counted from 1 again, as for a "
          "run that continues pre-training with other data");
    visit("update_clip", update_clip, "adafactor: maximum root mean square of an update");
    visit("rms_over", rms_over,
          "adafactor: whose root mean squares clip and scale the update of an expert: its own "
          "(expert), or those of all together, as in Mesh TensorFlow (tensor)");
    visit(
        "factor_from", factor_from,
        "adafactor: second moments are factored if both sides of a matrix are at least this long");
    visit("beta1", beta1, "adamw: decay of the first moment");
    visit("beta2", beta2, "adamw: decay of the second moment");
    visit("epsilon", epsilon, "adamw: added to the root of the second moment");
    visit("weight_decay", weight_decay, "decoupled weight decay, multiplied by the learning rate");
    visit("on_nonfinite", on_nonfinite,
          "if a loss or gradient is not finite: stop the run | skip the step");
    visit("max_skipped_steps", max_skipped_steps,
          "consecutive steps that may be skipped; one more stops the run");
    visit(
        "on_spike", on_spike,
        "if the loss leaps up: accept the step | skip it | rewind to the last checkpoint and pass "
        "over the batches since");
    visit("spike_deviations", spike_deviations,
          "a loss is a spike if it lies this many standard deviations above the mean of the last "
          "spike_window losses");
    visit("spike_window", spike_window, "steps whose losses a spike is measured against");
  }
};

struct TrainSection {
  int64_t steps = 300;
  int64_t global_batch = 32;
  int64_t micro_batch = 8;
  int64_t log_every = 10;
  int64_t eval_every = 100;
  int64_t eval_sequences = 64;
  int64_t checkpoint_every = 100;
  int64_t keep_checkpoints = 3;
  int64_t keep_every = 0;
  double logit_z_loss = 0.0;
  std::string initialize_from;
  Recompute recompute = Recompute::none;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("steps", steps, "optimiser steps in the whole run");
    visit("global_batch", global_batch, "sequences per step, over all ranks");
    visit("micro_batch", micro_batch,
          "sequences a rank processes at a time; gradients are accumulated over micro-batches");
    visit("log_every", log_every, "steps between lines of metrics");
    visit("eval_every", eval_every, "steps between evaluations; 0: never");
    visit("eval_sequences", eval_sequences, "sequences per evaluation");
    visit("checkpoint_every", checkpoint_every,
          "steps between checkpoints; 0: only at the end of the run");
    visit("keep_checkpoints", keep_checkpoints, "number of newest checkpoints to keep; 0: all");
    visit("keep_every", keep_every,
          "milestones: checkpoints of steps that this divides are kept as well; 0: none");
    visit(
        "logit_z_loss", logit_z_loss,
        "coefficient of the z-loss of the output logits, in training alone; T5's recipe has 1e-4");
    visit("initialize_from", initialize_from,
          "checkpoint (or folder of a run) whose weights training starts from, with optimiser, "
          "schedule and data fresh; empty: random weights");
    visit(
        "recompute", recompute,
        "what backward computes again instead of keeping it: none; experts: the inner activations "
        "of experts, [rows, d_ff], without sending rows again; blocks: all of a block but its "
        "input");
  }
};

struct FinetuneSection {
  StepCount step = StepCount::restart;
  int64_t beams = 1;
  double length_penalty = 0.6;
  bool keep_best = true;
  bool export_best = false;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("step", step,
          "the optimiser's step, which schedules and Adafactor's decay follow; restart: from 0; "
          "resume: from that of the checkpoint");
    visit("beams", beams, "beams of the decoding that scores a task; 1: greedy");
    visit("length_penalty", length_penalty, "alpha of beam search");
    visit("keep_best", keep_best, "keep the best checkpoint of each task, whatever its age");
    visit("export_best", export_best, "also write it in Hugging Face's form");
  }
};

struct DistillSection {
  std::string teacher;
  double soft = 0.25;
  double temperature = 1.0;
  int64_t start_step = 0;
  StudentStart start = StudentStart::shared;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("teacher", teacher, "checkpoint (or folder of a run) of the teacher");
    visit("soft", soft, "weight of the teacher's distribution; the targets have the rest");
    visit("temperature", temperature, "of both distributions");
    visit("start_step", start_step, "steps on the targets alone before the teacher is asked");
    visit("start", start,
          "shared: the student begins with all parameters of the teacher that it has too, which "
          "are those outside experts; random: with none");
  }
};

struct RunConfig {
  RunSection run;
  BackendChoice backend = BackendChoice::automatic;
  Precision precision = Precision::float32;
  MeshSection mesh;
  ModelSection model;
  DataSection data;
  OptimizerSection optimizer;
  TrainSection train;
  FinetuneSection finetune;
  DistillSection distill;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("run", run, "name and location of the run");
    visit("backend", backend,
          "auto | cpu | cuda; auto: cuda if it was built in and a GPU is present");
    visit("precision", precision,
          "compute precision: float32 | bfloat16; master weights are always float32");
    visit("mesh", mesh, "how ranks divide the work");
    visit("model", model, "the Switch Transformer");
    visit("data", data, "text, and how it becomes training examples");
    visit("optimizer", optimizer, "optimiser and schedule");
    visit("train", train, "run length, batches, logging and checkpoints");
    visit("finetune", finetune, "what `finetune` does beyond pretrain");
    visit("distill", distill, "what `distill` does beyond pretrain");
  }
};

// What the configuration depends on of a tokenizer.
struct TokenizerInfo {
  // Size alone, for where no id is known.
  TokenizerInfo(int64_t size_) : size(size_) {}
  TokenizerInfo(int64_t size_, AutoInt pad_, AutoInt eos_) : size(size_), pad(pad_), eos(eos_) {}

  int64_t size = 0;  // pieces and sentinels; 0: unknown
  AutoInt pad, eos;  // auto: unknown, or (pad) it has none
};

}  // namespace sy
