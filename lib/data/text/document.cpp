#include "lib/data/text/document.h"

namespace sy {
namespace {

// Never destroyed: documents may outlive whatever made them. Blocks of a size are used again.
std::pmr::memory_resource& pool() {
  constexpr size_t kLargest = size_t{1} << 18;  // bytes of a document of 65,536 tokens
  static auto* instance = new std::pmr::synchronized_pool_resource({0, kLargest});
  return *instance;
}

}  // namespace

Document make_document(std::span<const int32_t> ids) {
  const std::pmr::polymorphic_allocator<> allocator(&pool());
  return std::allocate_shared<const std::pmr::vector<int32_t>>(allocator, ids.begin(), ids.end());
}

}  // namespace sy
