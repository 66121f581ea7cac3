// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/argument_checks.h"

#include <iterator>

namespace sy::detail {
namespace {

void check_apart(Tensor recv, Tensor send, const char* label) {
  const char *r = static_cast<char*>(recv.raw()), *s = static_cast<char*>(send.raw());
  const bool planned = r == nullptr && s == nullptr;
  SY_CHECK(planned || r + recv.bytes() <= s || s + send.bytes() <= r || recv.bytes() == 0 ||
               send.bytes() == 0,
           "{}: recv and send overlap", label);
  SY_CHECK(recv.dtype() == send.dtype(), "{}: recv is {}, send is {}", label, name_of(recv.dtype()),
           name_of(send.dtype()));
}

// Elements of one index of the first axis.
int64_t row_elements(Tensor tensor) {
  int64_t product = 1;
  for (int axis = 1; axis < tensor.rank(); ++axis) product *= tensor.dim(axis);
  return product;
}

void check_within(const std::vector<RowRange>& blocks, Tensor tensor, const char* label) {
  for (const RowRange& block : blocks) {
    SY_CHECK(block.first >= 0 && block.count >= 0 && block.first + block.count <= tensor.dim(0),
             "{}: {} rows from row {} on of {}", label, block.count, block.first,
             tensor.shape().str());
  }
}

}  // namespace

void check_memory(std::initializer_list<Tensor> tensors, const char* label) {
  for (const Tensor& tensor : tensors) {
    SY_CHECK(tensor.raw() != nullptr || tensor.numel() == 0,
             "{}: {} has no memory; what is planned needs a planned mesh", label,
             tensor.shape().str());
  }
}

void check_reduction(Tensor tensor, const char* label) {
  SY_CHECK(tensor.dtype() != DType::bf16, "{}: a {} tensor cannot be reduced", label,
           name_of(tensor.dtype()));
}

void check_all_to_all(Tensor recv, Tensor send, int size, const char* label) {
  check_apart(recv, send, label);
  SY_CHECK(!send.empty() && recv.numel() == send.numel() && send.dim(0) % size == 0 &&
               recv.dim(0) % size == 0,
           "{}: recv {} and send {} over {} ranks", label, recv.shape().str(), send.shape().str(),
           size);
}

void check_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                const std::vector<RowRange>& sends, const Communicator& group, const char* label) {
  check_apart(recv, send, label);
  const auto size = static_cast<size_t>(group.size()), rank = static_cast<size_t>(group.rank());
  SY_CHECK(!send.empty() && !recv.empty() && row_elements(recv) == row_elements(send),
           "{}: rows of recv {} and send {}", label, recv.shape().str(), send.shape().str());
  SY_CHECK(receives.size() == sends.size() && sends.size() % size == 0,
           "{}: {} and {} blocks for {} ranks", label, receives.size(), sends.size(), size);
  check_within(receives, recv, label);
  check_within(sends, send, label);
  const size_t each = sends.size() / size;
  for (size_t block = rank * each; block < (rank + 1) * each; ++block) {
    SY_CHECK(sends[block].count == receives[block].count,
             "{}: rank {} sends itself {} rows and expects {}", label, rank, sends[block].count,
             receives[block].count);
  }
}

void check_all_gather(Tensor recv, Tensor send, int size, const char* label) {
  check_apart(recv, send, label);
  SY_CHECK(recv.numel() == send.numel() * size, "{}: recv {} and send {} over {} ranks", label,
           recv.shape().str(), send.shape().str(), size);
}

void check_reduce_scatter(Tensor recv, Tensor send, int size, const char* label) {
  check_reduction(send, label);
  check_apart(recv, send, label);
  SY_CHECK(send.numel() == recv.numel() * size, "{}: recv {} and send {} over {} ranks", label,
           recv.shape().str(), send.shape().str(), size);
}

void check_pieces(Tensor tensor, const std::vector<RowRange>& pieces, int size, const char* label) {
  SY_CHECK(!tensor.empty() && std::ssize(pieces) == size, "{}: {} pieces of {} for {} ranks", label,
           pieces.size(), tensor.shape().str(), size);
  int64_t end = 0;
  for (const RowRange& piece : pieces) {
    SY_CHECK(piece.first == end && piece.count >= 0,
             "{}: a piece of {} rows from row {} on, not {}", label, piece.count, piece.first, end);
    end += piece.count;
  }
  SY_CHECK(end == tensor.dim(0), "{}: the pieces cover {} rows of {}", label, end,
           tensor.shape().str());
}

}  // namespace sy::detail
