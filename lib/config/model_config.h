// SPDX-License-Identifier: Apache-2.0
// The keys of `model`. As all sections of a configuration (run_config.h), each struct lists its
// keys in fields(visitor).
#pragma once

#include <cstdint>

#include "lib/config/value_types.h"

namespace sy {

struct SparseLayersSection {
  AutoInts encoder;
  AutoInts decoder;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("encoder", encoder,
          "indices, from 0, of the sparse layers of the encoder; auto: as model.experts.interval "
          "says");
    visit("decoder", decoder, "the same for the decoder");
  }
};

struct GroupTokensSection {
  AutoInt encoder;
  AutoInt decoder;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("encoder", encoder,
          "consecutive tokens of the encoder's global batch in a routing group, whatever sequences "
          "they are of; auto: model.experts.group_sequences whole sequences");
    visit("decoder", decoder, "the same for the decoder");
  }
};

struct ExpertsSection {
  int64_t count = 8;
  int64_t interval = 2;
  SparseLayersSection layers;
  SparseLayersSection attention{{false, {}}, {false, {}}};
  AttentionForm attention_form = AttentionForm::ffn;
  Routing routing = Routing::learned;
  int64_t ntlb_top_k = 4;
  int64_t top_k = 1;
  SecondPolicy second_policy = SecondPolicy::random;
  double second_threshold = 0.2;
  bool normalise_gates = true;
  Exploration exploration = Exploration::jitter;
  EvalExploration eval_exploration = EvalExploration::argmax;
  double sample_temperature = 1.0;
  double router_dropout = 0.1;
  Convention convention = Convention::paper;
  CapacityMode capacity = CapacityMode::factor;
  double capacity_factor = 1.25;
  double eval_capacity_factor = 2.0;
  int64_t min_capacity = 4;
  int64_t fixed_capacity = 64;
  int64_t group_sequences = 2;
  GroupTokensSection group_tokens;
  RouterPrecision router_precision = RouterPrecision::float32;
  double jitter = 0.01;
  double balance_loss = 0.01;
  double second_place_loss = 0.0;
  double importance_loss = 0.0;
  double load_loss = 0.0;
  double balance_bias = 0.0;
  double z_loss = 0.0;
  double dropout = 0.0;
  int64_t shared_expert = 0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("count", count, "experts per sparse layer; 0: a dense model");
    visit("interval", interval, "every interval-th feed-forward layer is sparse");
    visit("layers", layers,
          "which feed-forward layers are sparse, where an interval cannot say it");
    visit("attention", attention,
          "which self-attention layers compute queries and keys, which are the values too, with "
          "experts; []: none");
    visit("attention_form", attention_form,
          "an expert of self-attention: ffn (a feed-forward layer) | linear");
    visit(
        "routing", routing,
        "learned: by a router's logits; hash: by a fixed hash of the token's id, with gate 1, "
        "neither parameters nor losses, as a control; no_token_left_behind: learned, and a token "
        "that overflows goes to its next expert; expert_choice: learned, and each expert takes the "
        "tokens that it is most probable for, as many as its capacity, without a balance loss; "
        "for encoders");
    visit("ntlb_top_k", ntlb_top_k, "experts that a token may try with no_token_left_behind");
    visit("top_k", top_k,
          "experts per token: 1 (Switch) or 2 (GShard's and Mesh TensorFlow's MoE)");
    visit("second_policy", second_policy,
          "with top_k 2, when a token also goes to its second expert; random: with probability "
          "gate / second_threshold, in evaluation too; all; none; threshold: if the gate is above "
          "second_threshold");
    visit("second_threshold", second_threshold,
          "the second gate from which on second_policy always keeps the second expert");
    visit("normalise_gates", normalise_gates,
          "with top_k 2, divide both gates by their sum; false: the gates are the probabilities");
    visit(
        "exploration", exploration,
        "how the router explores in training; jitter: as jitter says; argmax: not at all; "
        "sample: the expert is drawn from softmax(logits / sample_temperature); input_dropout: "
        "the router's input is dropped out at router_dropout; noise: logits get normal noise of a "
        "learned size (Shazeer et al. 2017)");
    visit("eval_exploration", eval_exploration,
          "argmax | sample, in evaluation; generation always takes the largest");
    visit("sample_temperature", sample_temperature, "temperature of exploration sample");
    visit("router_dropout", router_dropout, "rate of exploration input_dropout");
    visit("convention", convention,
          "hugging_face: as in SwitchTransformers, padding is routed, jitter also reaches the "
          "experts, and router losses are computed per stack instead of per layer");
    visit("capacity", capacity,
          "tokens per expert and group; factor: tokens x factor / experts; fixed: fixed_capacity; "
          "dropless: no limit");
    visit("capacity_factor", capacity_factor, "capacity factor in training");
    visit("eval_capacity_factor", eval_capacity_factor, "capacity factor in evaluation");
    visit("min_capacity", min_capacity, "minimum capacity of an expert per group");
    visit("fixed_capacity", fixed_capacity,
          "capacity of an expert per group when capacity is fixed");
    visit("group_sequences", group_sequences,
          "consecutive sequences in a routing group, the same on every mesh");
    visit("group_tokens", group_tokens, "routing groups in tokens, for each stack apart");
    visit("router_precision", router_precision,
          "float32, or what is rounded, which exists to reproduce the instability that the paper "
          "reports; bfloat16: input, weight, logits, probabilities, gates; "
          "mesh_tensorflow_bfloat16: also f, P and places in an expert; bfloat16_weight, "
          "bfloat16_places: that alone");
    visit("jitter", jitter,
          "in training, multiply router inputs by U(1 - jitter, 1 + jitter), if exploration is "
          "jitter");
    visit("balance_loss", balance_loss, "coefficient of the auxiliary load-balancing loss");
    visit("second_place_loss", second_place_loss,
          "with top_k 2, coefficient of the load-balancing loss of second choices; half of "
          "balance_loss is Mesh TensorFlow's");
    visit("importance_loss", importance_loss,
          "coefficient of the squared coefficient of variation of the experts' sums of gates "
          "(Shazeer et al. 2017)");
    visit("load_loss", load_loss,
          "with exploration noise, coefficient of the same of the experts' expected loads");
    visit("balance_bias", balance_bias,
          "what a step adds to the bias of an expert with less than the mean load, and takes from "
          "one with more; the bias is added to its probability where experts are chosen, not in "
          "gates; 0: no bias");
    visit("z_loss", z_loss, "coefficient of the router z-loss");
    visit("dropout", dropout, "dropout on the inner activations of experts");
    visit(
        "shared_expert", shared_expert,
        "d_ff of a dense feed-forward layer beside the experts, which every token takes; 0: none");
  }
};

struct InitialisationSection {
  AutoNumber attention;
  ExpertValues experts = ExpertValues::truncated_normal;
  AutoNumber relative_bias;
  AutoNumber router;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("attention", attention,
          "s of the matrices of attention, whose normal is then not truncated; auto: as init_scale "
          "says");
    visit("experts", experts,
          "distribution of the matrices of experts, with the std that init_scale gives");
    visit(
        "relative_bias", relative_bias,
        "s of the relative position bias, which is then uniform with variance s / mean of buckets "
        "and heads; auto: normal, variance init_scale / d_model");
    visit("router", router,
          "std of the router's weight, whose normal is then not truncated; auto: as init_scale "
          "says");
  }
};

struct ModelSection {
  AutoInt vocab_size;
  int64_t d_model = 256;
  int64_t d_kv = 64;
  int64_t num_heads = 4;
  int64_t d_ff = 1024;
  int64_t encoder_layers = 4;
  int64_t decoder_layers = 4;
  Activation activation = Activation::relu;
  bool tie_embeddings = true;
  AutoBool scale_decoder_outputs = AutoBool::automatic;
  AutoInt pad_id;
  AutoInt eos_id;
  AutoInt start_id;
  double dropout = 0.0;
  DropoutBroadcast dropout_broadcast = DropoutBroadcast::none;
  double init_scale = 0.1;
  InitialisationSection initialisation;
  int64_t relative_buckets = 32;
  int64_t relative_max_distance = 128;
  ExpertsSection experts;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("vocab_size", vocab_size,
          "rows of the embedding; auto: pieces and sentinels, rounded up to a multiple of 128");
    visit("d_model", d_model, "width of the residual stream");
    visit("d_kv", d_kv, "width of an attention head");
    visit("num_heads", num_heads, "attention heads");
    visit("d_ff", d_ff, "inner width of feed-forward layers and of each expert");
    visit("encoder_layers", encoder_layers, "encoder blocks");
    visit("decoder_layers", decoder_layers, "decoder blocks");
    visit("activation", activation, "relu | gelu | geglu");
    visit("tie_embeddings", tie_embeddings, "use the embedding as output projection");
    visit("scale_decoder_outputs", scale_decoder_outputs,
          "multiply decoder outputs by d_model^-0.5 before the output projection; auto: if "
          "embeddings are tied");
    visit("pad_id", pad_id, "id of padding; auto: the tokenizer's, or 0 if it has none");
    visit("eos_id", eos_id, "id that ends a sequence; auto: the tokenizer's");
    visit("start_id", start_id, "first id that the decoder reads; auto: pad_id");
    visit("dropout", dropout, "dropout everywhere except inside experts");
    visit(
        "dropout_broadcast", dropout_broadcast,
        "none: dropout draws for every element; length: once for all tokens of a sequence, and in "
        "attention for all queries, as Mesh TensorFlow and Flaxformer do; experts.dropout draws "
        "for every element");
    visit("init_scale", init_scale, "s in std = sqrt(s / fan_in) of the truncated normal");
    visit("initialisation", initialisation, "initial values that init_scale alone does not give");
    visit("relative_buckets", relative_buckets, "buckets of the relative position bias");
    visit("relative_max_distance", relative_max_distance,
          "distances from this one on share the last bucket");
    visit("experts", experts, "the sparse feed-forward layers");
  }
};

}  // namespace sy
