// SPDX-License-Identifier: Apache-2.0
#include "lib/config/config.h"
#include "lib/model/moe/dispatch.h"
#include "lib/model/switch_model.h"

namespace sy {
namespace {

// FLOPs of a GEMM of [m, k] by [k, n]: 2 m n k.
double product(int64_t m, int64_t k, int64_t n) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n);
}

// The projections q and o of the queries and k and v of the keys, and the two GEMMs over all
// query-key pairs. A causal mask is counted in full.
double attention_flops(const ModelSection& model, int64_t queries, int64_t keys) {
  const int64_t inner = model.num_heads * model.d_kv;
  return 2 * product(queries, model.d_model, inner) + 2 * product(keys, model.d_model, inner) +
         2 * product(queries, keys, inner);
}

// The rows that the experts of a layer compute for `tokens`: top_k for each token, or with
// expert_choice as many as they take from full groups.
int64_t expert_rows(const ExpertsSection& experts, Stack stack, int64_t tokens) {
  if (experts.routing != Routing::expert_choice) return tokens * experts.top_k;
  const int64_t group = group_tokens(experts, stack, tokens);
  return tokens * experts.count * expert_capacity(experts, group, true) / group;
}

double router_flops(const ModelSection& model, int64_t tokens) {
  if (model.experts.routing == Routing::hash) return 0;
  const double products = model.experts.exploration == Exploration::noise ? 2 : 1;
  return products * product(tokens, model.d_model, model.experts.count);
}

// Of a feed-forward layer, or an expert of one, of inner size d_ff with `outputs` columns.
double mlp_flops(const ModelSection& model, int64_t tokens, int64_t d_ff, int64_t outputs) {
  const double matrices = model.activation == Activation::geglu ? 2 : 1;
  return matrices * product(tokens, model.d_model, d_ff) + product(tokens, d_ff, outputs);
}

double self_attention_flops(const ModelSection& model, Stack stack, int64_t layer, int64_t tokens) {
  const double dense = attention_flops(model, tokens, tokens);
  if (!is_sparse_attention(model, stack, layer)) return dense;
  const int64_t inner = model.num_heads * model.d_kv;
  const int64_t each = expert_rows(model.experts, stack, tokens);
  const double projections = 3 * product(tokens, model.d_model, inner);
  const double experts = model.experts.attention_form == AttentionForm::linear
                             ? product(each, model.d_model, 2 * inner)
                             : mlp_flops(model, each, model.d_ff, 2 * inner);
  return dense - projections + experts + router_flops(model, tokens);
}

// Of a dense layer, or of the experts that tokens go to and the shared expert, without the router.
double feed_forward_weights(const ModelSection& model, Stack stack, int64_t layer, int64_t tokens) {
  if (!is_sparse_layer(model, stack, layer)) {
    return mlp_flops(model, tokens, model.d_ff, model.d_model);
  }
  return mlp_flops(model, expert_rows(model.experts, stack, tokens), model.d_ff, model.d_model) +
         mlp_flops(model, tokens, model.experts.shared_expert, model.d_model);
}

double feed_forward_flops(const ModelSection& model, Stack stack, int64_t layer, int64_t tokens) {
  const double router = is_sparse_layer(model, stack, layer) ? router_flops(model, tokens) : 0;
  return feed_forward_weights(model, stack, layer, tokens) + router;
}

}  // namespace

double SwitchModel::flops_per_sequence(const ModelSection& model, int64_t encoder_length,
                                       int64_t decoder_length) {
  double forward = product(decoder_length, model.d_model, model.vocab_size.value);
  for (int64_t layer = 0; layer < model.encoder_layers; ++layer) {
    forward += self_attention_flops(model, Stack::encoder, layer, encoder_length) +
               feed_forward_flops(model, Stack::encoder, layer, encoder_length);
  }
  for (int64_t layer = 0; layer < model.decoder_layers; ++layer) {
    forward += self_attention_flops(model, Stack::decoder, layer, decoder_length) +
               attention_flops(model, decoder_length, encoder_length) +
               feed_forward_flops(model, Stack::decoder, layer, decoder_length);
  }
  // Backward has two GEMMs for each one of forward.
  return 3 * forward;
}

double SwitchModel::attention_flops_per_sequence(const ModelSection& model, int64_t encoder_length,
                                                 int64_t decoder_length) {
  const int64_t inner = model.num_heads * model.d_kv;
  const double encoder = 2 * product(encoder_length, encoder_length, inner);
  const double decoder = 2 * product(decoder_length, decoder_length + encoder_length, inner);
  return 3 * (static_cast<double>(model.encoder_layers) * encoder +
              static_cast<double>(model.decoder_layers) * decoder);
}

double SwitchModel::kaplan_flops_per_sequence(const ModelSection& model, int64_t encoder_length,
                                              int64_t decoder_length) {
  const int64_t inner = model.num_heads * model.d_kv;
  // Of a block without its feed-forward layer: weights over d_model, which are q, k, v and o once
  // or twice, and the scores.
  const double encoder = product(encoder_length, model.d_model, 4 * inner) +
                         product(encoder_length, encoder_length, inner);
  const double decoder = product(decoder_length, model.d_model, 8 * inner) +
                         product(decoder_length, decoder_length + encoder_length, inner);
  double forward = static_cast<double>(model.encoder_layers) * encoder +
                   static_cast<double>(model.decoder_layers) * decoder +
                   product(decoder_length, model.d_model, model.vocab_size.value);
  for (int64_t layer = 0; layer < model.encoder_layers; ++layer) {
    forward += feed_forward_weights(model, Stack::encoder, layer, encoder_length);
  }
  for (int64_t layer = 0; layer < model.decoder_layers; ++layer) {
    forward += feed_forward_weights(model, Stack::decoder, layer, decoder_length);
  }
  return forward;
}

}  // namespace sy
