// SPDX-License-Identifier: Apache-2.0
// YAML to RunConfig and back. A single ConfigError lists every error, one per line, with
// file:line:column, what is wrong and how to correct it.
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// Reads `path`, applies `overrides` ("key.path=value", value in YAML syntax), and checks types,
// ranges and unknown keys (suggesting the nearest known one), and expands ~ and variables in the
// keys that are paths (lib/base/paths.h). Opens no other file and does not resolve the
// configuration. Throws ConfigError.
RunConfig load_config(const std::string& path, const std::vector<std::string>& overrides);

// The same for text, with paths as they are written; messages call the file `name`.
RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<std::string>& overrides = {});

// All errors that can be found without opening a file, as messages that begin with the key. Empty
// for a valid configuration.
std::vector<std::string> find_errors(const RunConfig& config);

// Errors that depend on the number of ranks (mesh, streams, batches), in the same form.
std::vector<std::string> find_mesh_errors(const RunConfig& config, int ranks);

// What model ranks share besides heads, d_ff and vocabulary. Nothing is shared of what is 0 or
// false.
struct SharedSizes {
  int64_t ranks = 0;    // the total number of ranks
  bool spread = false;  // experts are spread over ranks: rows travel to them by columns of d_model
  // Rows of a micro-batch in each stack, with mesh.sequence_parallel.
  int64_t encoder_rows = 0, decoder_rows = 0;
};
// Errors of a model whose heads, d_ff and vocabulary (if it is not auto) are to be sharded over
// `shards` model ranks, in the same form.
std::vector<std::string> find_shard_errors(const ModelSection& model, int64_t shards,
                                           const SharedSizes& sizes);

// Throws one ConfigError with a line per error; returns if there are none.
void throw_errors(const std::vector<std::string>& errors);

// Fills in data.decoder_length and data.window_tokens, the lengths that follow from the objective,
// and the denoisers of ul2. If the tokenizer is known, also fills in model.vocab_size and the
// special ids, and throws ConfigError if the vocabulary is too small or an id is not the
// tokenizer's.
void resolve_config(RunConfig& config, const TokenizerInfo& tokenizer);

// Ids with a meaning of their own. Those that are not resolved are T5's.
struct SpecialIds {
  int32_t pad = 0;
  int32_t eos = 1;
  int32_t start = 0;  // the decoder's first input
};
SpecialIds special_ids(const ModelSection& model);

enum class Stack : uint8_t { encoder, decoder };

// Whether feed-forward layer `layer` (from 0) of a stack is sparse: if model.experts.layers lists
// it, or else every interval-th, beginning with layer interval - 1.
bool is_sparse_layer(const ModelSection& model, Stack stack, int64_t layer);
int64_t count_sparse_layers(const ModelSection& model, Stack stack);
// Whether self-attention layer `layer` has experts, by model.experts.attention in the same way.
bool is_sparse_attention(const ModelSection& model, Stack stack, int64_t layer);
bool has_sparse_attention(const ModelSection& model);
// "encoder/layers/1", ...: all sparse layers, in forward order; one of self-attention is
// "encoder/layers/1/self_attention".
std::vector<std::string> sparse_layer_names(const ModelSection& model);

// Tokens of a routing group of a stack whose sequences are `length` long.
int64_t group_tokens(const ExpertsSection& experts, Stack stack, int64_t length);

// The experts that a token may go to: experts.top_k, or all with routing expert_choice.
int64_t most_experts_per_token(const ExpertsSection& experts);

// Whether the router has losses beside the load-balancing loss and the z-loss.
bool has_choice_losses(const ExpertsSection& experts);

// What a router rounds to bfloat16 (model.experts.router_precision).
struct RouterRounding {
  bool weight = false;
  bool results = false;  // input, logits, probabilities and gates
  bool means = false;    // f, P and their products in the balancing loss
  bool places = false;   // a token's place in its expert (kernels/dispatch/shared_slots.h)
};
RouterRounding router_rounding(const ExpertsSection& experts);

// The model for generation, whose router draws nothing: which expert a token goes to then depends
// on its sequence alone. With experts.second_policy random every second choice is kept.
ModelSection without_draws(ModelSection model);

// Whether decoder outputs are multiplied by d_model^-0.5 (model.scale_decoder_outputs).
bool scales_decoder_outputs(const ModelSection& model);

// Differences that make weights of one model useless or wrong in the other, as messages "key: was
// -> is", both sides resolved. Dropout, coefficients and capacities may differ.
std::vector<std::string> model_differences(const ModelSection& was, const ModelSection& is);

// mesh.expert for this number of data ranks: the configured value, or for `auto` the greatest
// common divisor of data ranks and experts.
int64_t expert_ranks(const RunConfig& config, int64_t data_ranks);

// The whole configuration as YAML: every key, in the order of the structs. Parsing the text yields
// the same values.
std::string write_config(const RunConfig& config);

// The text of docs/configuration.md: every key with its type, default and documentation line.
std::string write_reference();

}  // namespace sy
