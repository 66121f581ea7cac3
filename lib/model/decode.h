// Incremental decoding: a prompt is encoded once, and then each step takes one token of each
// sequence and gives the logits of its next, through the model's own parameters.
//
// Sparse layers drop nothing here: each token of a step is its own routing group. Capacity bounds
// what an expert takes from a group of a whole sequence, and of a sequence that is being written
// only one token at a time is there. (Hugging Face's model has a capacity a sequence, which one
// token never fills.) The encoder, whose tokens are all there, keeps the configuration's capacity.
// So the logits are those of a whole forward pass whose decoder is dropless, to rounding.
#pragma once

#include <memory>
#include <span>

#include "lib/model/attention.h"
#include "lib/model/decode_block.h"
#include "lib/model/switch_model.h"

namespace sy {

class Decoder {
 public:
  // For `shape`. The model is made for shape.prompts sequences of shape.encoder_length
  // (with decoder_length 0 where it serves nothing else) and outlives this.
  Decoder(SwitchModel& model, const DecodeShape& shape);
  ~Decoder();

  // Measures decoding, and the model first where that was not planned yet.
  void plan(Exec& exec);
  // Allocates the caches, the model and the scratch of `exec`, instead of model.allocate(); plan()
  // is called where it was not.
  void allocate(Exec& exec);
  int64_t cache_bytes() const;  // keys, values and what a step fills
  const DecodeShape& shape() const;
  int64_t vocabulary() const;

  // From the encoder's output (SwitchModel::encode) on: one sequence a prompt, without tokens.
  void begin(Exec& exec, const AttentionSource& memory);

  // From here on there are parents.size() sequences, at most shape.rows; the i-th goes on from what
  // was the parents[i]-th. A parent may be named several times, or not at all. Moves no key.
  void select(std::span<const int32_t> parents);

  // Adds token ids[i] to the i-th sequence, of which there are ids.size(), and returns the logits
  // [sequences, vocabulary] of its next (float32, or float64 in float64; until the next step). The
  // first ids are pad. At most shape.decoder_length steps follow begin().
  Tensor step(Exec& exec, std::span<const int32_t> ids);

  int64_t sequences() const;
  int64_t position() const;  // tokens that each sequence has

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sy
