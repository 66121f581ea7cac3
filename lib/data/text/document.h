// SPDX-License-Identifier: Apache-2.0
// A document's token ids, shared and never changed.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

namespace sy {

using Document = std::shared_ptr<const std::pmr::vector<int32_t>>;

// Memory for documents, apart from the heap. Documents stay in a shuffle buffer for a long time.
// On the heap they would lie scattered among the thousands of small objects that SentencePiece
// allocates for each text, and slow it down by about a tenth. The pool is never destroyed, because
// documents may outlive whatever made them.
inline std::pmr::memory_resource& document_pool() {
  constexpr size_t kLargestBlock = size_t{1} << 18;  // bytes of a document of 65,536 tokens
  static auto* instance = new std::pmr::synchronized_pool_resource({0, kLargestBlock});
  return *instance;
}

// Copies `ids` into the pool.
inline Document make_document(std::span<const int32_t> ids) {
  const std::pmr::polymorphic_allocator<> allocator(&document_pool());
  return std::allocate_shared<const std::pmr::vector<int32_t>>(allocator, ids.begin(), ids.end());
}

}  // namespace sy
