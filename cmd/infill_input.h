// SPDX-License-Identifier: Apache-2.0
// The prompts of `switchyard infill`.
#pragma once

#include <string>
#include <vector>

#include "lib/base/objective_plan.h"
#include "lib/data/tokenizer/tokenizer.h"
#include "lib/generate/generate.h"

namespace sy {

struct InfillInput {
  std::vector<std::string> places;  // of the prompts, for messages: "--text", "line 3 of FILE"
  std::vector<std::string> texts;   // empty where ids were given
  std::vector<bool> continued;      // by the target, instead of filled
  Prompts prompts;
};

// Texts of the command line, then the lines of the file ("-": standard input; "": none), without
// byte order mark and carriage returns. Warns about a text without a blank. Throws ConfigError for
// blanks that are out of order, and as prompt_denoiser(); DataError for a file that cannot be read.
InfillInput read_texts(const Tokenizer& tokenizer, const ObjectiveOptions& objective,
                       const std::string& mode, const std::vector<std::string>& texts,
                       const std::string& lines);

// A file of lines {"inputs": [ids]}, ids below `vocabulary`. Throws DataError naming the line.
InfillInput read_ids(const std::string& path, int64_t vocabulary);

}  // namespace sy
