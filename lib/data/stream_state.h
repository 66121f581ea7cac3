// A virtual stream's position: how it moves by a batch, and how it is written into a checkpoint.
// What the numbers, tokens and buffers mean, the stream's source knows.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/data/text/document.h"

namespace sy {

// Where one stream stands, enough to go on exactly. Documents are shared, so that a snapshot costs
// pointers only.
struct StreamState {
  std::string kind;  // name of the source: printable ASCII without blanks
  int64_t stream = 0;
  int64_t examples = 0;          // that the stream has given
  std::vector<int64_t> numbers;  // not negative: places read to, draws made
  std::vector<int32_t> tokens;   // left over, in no example yet
  std::vector<std::vector<Document>> buffers;
  std::vector<StreamState> parts;  // of a source that is made of others
};

// A document put at a place of a buffer; the place behind the last appends. Null takes the place's
// document away, and the last one moves there.
using BufferChange = std::pair<size_t, Document>;
void apply_change(const BufferChange& change, std::vector<Document>& buffer);

// What a batch changes in a StreamState. The loader's threads are batches ahead of the training, so
// they hand over each batch's change, and the state of the batch last given is kept by applying it:
// the cost is that of the documents read, whatever the size of the buffers.
struct StreamStep {
  int64_t examples = 0;  // as in the state afterwards, like numbers and tokens
  std::vector<int64_t> numbers;
  std::vector<int32_t> tokens;
  std::vector<std::vector<BufferChange>> changes;  // of each buffer, in order
  std::vector<StreamStep> parts;
};

// Moves the step's memory into the state. Both are the same source's.
void apply(StreamStep& step, StreamState& state);

// A flat form with everything in it, for a checkpoint: the form's version and the kind come first.
std::vector<int32_t> serialize(const StreamState& state);

// Throws DataError naming `name` when the values are not what serialize() made, or were made in
// another version of the form.
StreamState parse_stream_state(const std::vector<int32_t>& values, const std::string& name);

// For sources: throws DataError when `state` is of another kind than `kind`, or has not as many
// numbers, buffers and parts.
void check_kind(const StreamState& state, const std::string& kind, size_t numbers, size_t buffers,
                size_t parts);

// For sources: throws DataError when a buffer holds more than `capacity` documents, which is the
// key `key`'s value.
void check_capacity(const StreamState& state, size_t buffer, size_t capacity, const char* key);

// For sources: throws DataError unless every token id is one of a tokenizer of `pieces`.
void check_pieces(const StreamState& state, int64_t pieces);

}  // namespace sy
