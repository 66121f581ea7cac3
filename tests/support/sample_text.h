// English-like text of the project's own writing, for tests that need text and for nothing else.
#pragma once

#include <cstdint>
#include <string>

namespace sy::test {

// Document `index` of `seed`, a pure function of both: UTF-8, 3 to 20 sentences on one subject in
// one or more lines. Words have the long tail of English (a few serve most of the time) and
// inflections that a tokenizer can cut off; there are names, numbers, quotes and letters beyond
// ASCII.
std::string sample_document(uint64_t seed, uint32_t index);

}  // namespace sy::test
