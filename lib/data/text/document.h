// A document's token ids, shared and never changed.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

namespace sy {

using Document = std::shared_ptr<const std::pmr::vector<int32_t>>;

// Copies `ids` into memory apart from the heap. Documents stay in a shuffle buffer for long; in the
// heap they would lie scattered between the thousands of small objects that SentencePiece makes for
// each text, and make it slower by about a tenth.
Document make_document(std::span<const int32_t> ids);

}  // namespace sy
