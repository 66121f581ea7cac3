// SPDX-License-Identifier: Apache-2.0
// The two tokenisations of BLEU, as in sacrebleu, which took them from NIST's mteval scripts.
#pragma once

#include "lib/tasks/scores/ngrams.h"

namespace sy::metrics {

// mteval-v14 --international-tokenization: punctuation is a word unless it stands between numbers,
// symbols always are.
Tokens tokenise_intl(const std::string& text);

// mteval-v13a: ASCII punctuation is a word, "." and "," unless between digits, "-" after a digit.
Tokens tokenise_13a(const std::string& text);

}  // namespace sy::metrics
