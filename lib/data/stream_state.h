// SPDX-License-Identifier: Apache-2.0
// The position of a virtual stream, how a batch changes it, and how it is written into a
// checkpoint. The stream's source defines what the numbers, tokens and buffers mean.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/data/text/document.h"

namespace sy {

// All that a stream needs to continue exactly where it was. Documents are shared, so a snapshot
// copies only pointers.
struct StreamState {
  std::string kind;  // name of the source: printable ASCII without blanks
  int64_t stream = 0;
  int64_t examples = 0;          // produced so far
  std::vector<int64_t> numbers;  // not negative: places in the text, draws made
  std::vector<int32_t> tokens;   // read, but not in an example yet
  std::vector<std::vector<Document>> buffers;
  std::vector<StreamState> parts;  // for a source made of other sources
};

// Puts a document at a place of a buffer; the place after the last one appends. A null document
// removes the one at the place and moves the last one there.
using BufferChange = std::pair<size_t, Document>;
void apply_change(const BufferChange& change, std::vector<Document>& buffer);

// How a batch changes a StreamState. The loader's threads run batches ahead of the training. They
// hand over each batch with its change, and the loader applies the changes to keep the state after
// the last batch returned. This costs time proportional to the documents read, whatever the size of
// the buffers.
struct StreamStep {
  int64_t examples = 0;  // like numbers and tokens, the value afterwards
  std::vector<int64_t> numbers;
  std::vector<int32_t> tokens;
  std::vector<std::vector<BufferChange>> changes;  // for each buffer, in order
  std::vector<StreamStep> parts;
};

// Applies a step of the same source. Moves the step's memory into the state.
void apply(StreamStep& step, StreamState& state);

// The whole state as a flat array for a checkpoint, which begins with a version number and the
// kind.
std::vector<int32_t> serialize(const StreamState& state);

// Throws DataError that names `name` if the values are not the result of serialize(), or of another
// version of it.
StreamState parse_stream_state(const std::vector<int32_t>& values, const std::string& name);

// For sources: throws DataError unless `state` is of this kind, with these numbers of numbers,
// buffers and parts.
void check_kind(const StreamState& state, const std::string& kind, size_t numbers, size_t buffers,
                size_t parts);

// For sources: throws DataError if a buffer holds more than `capacity` documents, the value of
// configuration key `key`.
void check_capacity(const StreamState& state, size_t buffer, size_t capacity, const char* key);

// For sources: throws DataError unless every token id is below `pieces`.
void check_pieces(const StreamState& state, int64_t pieces);

}  // namespace sy
