// A SentencePiece model file as bytes (a protobuf ModelProto), checked before the library loads it
// and extended by sentinels.
//
// We walk the wire format ourselves: libsentencepiece carries a protobuf of its own, and a second
// one in the same process may clash with it. Nothing is re-encoded, so fields that we do not know
// stay as they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sy {

// Reads `path`. Throws DataError naming it when it cannot be read or is not a whole, sound model:
// SentencePiece itself trusts the offsets in the character map and would read out of bounds.
std::string read_sentencepiece_model(const std::string& path);

// What is wrong with a model, or "" for a sound one.
std::string find_model_fault(std::string_view model);

// Appends user-defined pieces "\u2581<extra_id_{count-1}>" .. "\u2581<extra_id_0>" with score 0:
// elements added behind a protobuf message belong to its repeated field.
void append_sentinels(std::string& model, int64_t count);

// "\u2581<extra_id_k>", the way a sentinel is spelt as a piece.
std::string sentinel_piece(int64_t k);

}  // namespace sy
