// A virtual stream's position: how it moves by a batch, and how it is written into a checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/data/document_stream.h"
#include "lib/data/loader.h"

namespace sy {

// What a batch changes in a StreamState. The loader's threads are batches ahead of the training, so
// they hand over each batch's change, and the state of the batch last given is kept by applying it:
// the cost is that of the documents read, whatever the size of the shuffle buffer.
struct StreamStep {
  int64_t slot = 0;
  int64_t record = 0;
  int64_t draws = 0;
  int64_t examples = 0;
  std::vector<int32_t> leftover;
  // In order: document put at a place of the shuffle buffer; the place behind the last appends.
  std::vector<std::pair<size_t, Document>> placed;
};

// Moves the step's memory into the state.
void apply(StreamStep& step, StreamState& state);

// A flat form with everything in it, for a checkpoint.
std::vector<int32_t> serialize(const StreamState& state);

// Throws DataError naming `name` when the values are not what serialize() made.
StreamState parse_stream_state(const std::vector<int32_t>& values, const std::string& name);

// Throws DataError when `state` is none that a stream with a shuffle buffer of `capacity` documents
// and a tokenizer of `pieces` can be in: the configuration has changed since.
void check_restorable(const StreamState& state, size_t capacity, int64_t pieces);

}  // namespace sy
