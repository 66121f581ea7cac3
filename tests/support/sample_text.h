// SPDX-License-Identifier: Apache-2.0
// Generated English-like text, for tests only.
#pragma once

#include <cstdint>
#include <string>

namespace sy::test {

// Document `index` of `seed`, a pure function of both: UTF-8, 3 to 20 sentences on one subject in
// one or more lines. As in English, a few words are frequent and many are rare, and inflections can
// be split off by a tokenizer. The text contains names, numbers, quotes and non-ASCII letters.
std::string sample_document(uint64_t seed, uint32_t index);

}  // namespace sy::test
