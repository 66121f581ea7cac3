// SPDX-License-Identifier: Apache-2.0
// A SentencePiece model file as bytes (a protobuf ModelProto): checked before the library loads it,
// and extended by sentinels.
//
// The wire format is parsed here, because libsentencepiece bundles its own protobuf and a second
// one in the same process may clash with it. Nothing is re-encoded, so unknown fields are
// preserved.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sy {

// Reads a model file. Throws DataError that names the file if it cannot be read or is not a valid
// model. SentencePiece itself trusts the offsets in the character map and would read out of bounds.
std::string read_sentencepiece_model(const std::string& path);

// What is wrong with a model; "" if it is valid.
std::string find_model_fault(std::string_view model);

// Appends user-defined pieces "\u2581<extra_id_{count-1}>" .. "\u2581<extra_id_0>" with score 0.
// Fields appended to a serialized protobuf message are added to its repeated field.
void append_sentinels(std::string& model, int64_t count);

// "\u2581<extra_id_k>", the piece of sentinel k.
std::string sentinel_piece(int64_t k);

}  // namespace sy
