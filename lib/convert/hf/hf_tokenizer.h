// SPDX-License-Identifier: Apache-2.0
// The description that transformers' AutoTokenizer needs beside a SentencePiece model.
#pragma once

#include <string>

#include "lib/config/run_config.h"

namespace sy::convert {

// tokenizer_config.json for the tokenizer at `path`, so that T5Tokenizer or ByT5Tokenizer gives
// every text, special token and sentinel the id that it has here. `extra_ids` as in data.extra_ids.
// Throws DataError if the file is not a model.
std::string tokenizer_config_json(const std::string& path, int64_t extra_ids);

}  // namespace sy::convert
