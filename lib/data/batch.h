// SPDX-License-Identifier: Apache-2.0
// One micro-batch as the model reads it: a stream of tokens for each stack, and targets. The
// tensors are int32 views of one block of memory, which batcher.h fills.
#pragma once

#include <array>
#include <cstddef>

#include "lib/base/numeric.h"
#include "lib/base/token_ids.h"
#include "lib/tensor/tensor.h"

namespace sy {

// The input of one stack.
struct TokenStream {
  Tensor ids;      // [B, L], padded at the end
  Tensor valid;    // [B * L], 1 for a token, 0 for padding
  Tensor lengths;  // [B], tokens before the padding
  // Packed rows only, for attention (kernels/attention/attention.h), [B, L, 2]: where the example
  // that a token belongs to begins and ends, in this stream and in the other one; for padding, an
  // empty range behind the last token.
  Tensor ranges = {}, other_ranges = {};

  // Sequences [first, first + count).
  TokenStream slice(int64_t first, int64_t count) const {
    if (ids.empty()) return {};
    const int64_t length = ids.dim(1);
    TokenStream part{ids.slice(first, count), valid.slice(first * length, count * length),
                     lengths.slice(first, count)};
    if (ranges.empty()) return part;
    part.ranges = ranges.slice(first, count);
    part.other_ranges = other_ranges.slice(first, count);
    return part;
  }
};

// Stream numbers of an encoder-decoder. The decoder's input is the targets shifted right by one
// place, beginning with `start`; in packed rows each example's by itself.
constexpr size_t kEncoder = 0, kDecoder = 1, kStreams = 2;

struct BatchShape {
  int64_t sequences = 0;                    // B
  std::array<int64_t, kStreams> lengths{};  // L of each stream; 0 if there is none
  int32_t pad = kPadId, start = kPadId;     // ids of padding, and of the decoder's first input
  bool packed = false;                      // a row may hold several examples; needs both streams

  int64_t target_length() const { return lengths[kDecoder]; }
};

struct Batch {
  std::array<TokenStream, kStreams> streams;
  Tensor targets;  // [B, L of the decoder], padded with 0 at the end; empty without a decoder
  int32_t pad = kPadId, start = kPadId;

  int64_t sequences() const { return streams[kEncoder].ids.dim(0); }
  bool packed() const { return !streams[kEncoder].ranges.empty(); }
  // Sequences [first, first + count).
  Batch slice(int64_t first, int64_t count) const {
    Batch part;
    for (size_t i = 0; i < kStreams; ++i) part.streams[i] = streams[i].slice(first, count);
    if (!targets.empty()) part.targets = targets.slice(first, count);
    part.pad = pad;
    part.start = start;
    return part;
  }
};

// Places the tensors of a batch one after another from `base`, at offsets that are multiples of 64
// bytes, and returns the total size in bytes. With base == nullptr the tensors only get their
// shapes, for planning.
inline int64_t place_batch(Batch& batch, const BatchShape& shape, char* base) {
  int64_t bytes = 0;
  const auto place = [&](Tensor& view, Shape dims) {
    view = Tensor(base == nullptr ? nullptr : base + bytes, DType::i32, dims);
    bytes += round_up(view.bytes(), 64);
  };
  batch = {};
  batch.pad = shape.pad;
  batch.start = shape.start;
  const int64_t b = shape.sequences;
  for (size_t i = 0; i < kStreams; ++i) {
    const int64_t length = shape.lengths[i];
    if (length == 0) continue;
    place(batch.streams[i].ids, {b, length});
    place(batch.streams[i].valid, {b * length});
    place(batch.streams[i].lengths, {b});
    if (!shape.packed) continue;
    place(batch.streams[i].ranges, {b, length, 2});
    place(batch.streams[i].other_ranges, {b, length, 2});
  }
  if (shape.target_length() > 0) place(batch.targets, {b, shape.target_length()});
  return bytes;
}

}  // namespace sy
