// SPDX-License-Identifier: Apache-2.0
// Incremental decoding: a prompt is encoded once; then each step takes one token per sequence and
// returns the logits of the next one. Uses the parameters of the model.
//
// Sparse decoder layers are dropless here: each token of a step is its own routing group. Capacity
// limits the tokens that an expert takes from the group of a whole sequence, but during generation
// only one token of the sequence is there. (Hugging Face's capacity applies per sequence and is
// never reached by a single token.) The encoder, which sees all its tokens, keeps the configured
// capacity. The logits therefore equal, up to rounding, those of a full forward pass with a
// dropless decoder.
#pragma once

#include <memory>
#include <span>

#include "lib/model/attention.h"
#include "lib/model/decode_block.h"
#include "lib/model/switch_model.h"

namespace sy {

class Decoder {
 public:
  // The model must have been made for shape.prompts sequences of shape.encoder_length (with
  // decoder_length 0 if it is used for nothing else) and must outlive this.
  Decoder(SwitchModel& model, const DecodeShape& shape);
  ~Decoder();

  // Plans decoding, after the model if that has not been planned.
  void plan(Exec& exec);
  // Allocates the caches, the model and the scratch of `exec`; call it instead of model.allocate().
  // Calls plan() if that has not been done.
  void allocate(Exec& exec);
  // The same without the model, which must have been allocated after plan().
  void allocate_caches(Exec& exec);
  int64_t cache_bytes() const;  // keys, values and the buffers of a step
  const DecodeShape& shape() const;
  int64_t vocabulary() const;

  // Starts from the output of SwitchModel::encode(): one sequence per prompt, with no tokens yet.
  void begin(Exec& exec, const AttentionSource& encoder_output);

  // Selects parents.size() sequences, at most shape.rows, to go on with; sequence i continues the
  // former sequence parents[i]. A parent may be selected any number of times, including none. Keys
  // and values are not moved.
  void select(std::span<const int32_t> parents);

  // Appends token ids[i] to sequence i, for all sequences, and returns the logits [sequences,
  // vocabulary] of the next token, valid until the next step; float32, or float64 if the model is.
  // The first ids are padding. At most shape.decoder_length steps may follow begin().
  Tensor step(Exec& exec, std::span<const int32_t> ids);

  int64_t sequences() const;
  int64_t position() const;  // tokens in each sequence

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sy
