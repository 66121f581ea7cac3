#include "lib/dist/argument_checks.h"

#include <numeric>

namespace sy::detail {
namespace {

void check_apart(Tensor recv, Tensor send, const char* label) {
  const char *r = static_cast<char*>(recv.raw()), *s = static_cast<char*>(send.raw());
  SY_CHECK(r + recv.bytes() <= s || s + send.bytes() <= r || recv.bytes() == 0 || send.bytes() == 0,
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

}  // namespace

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

void check_rows(Tensor recv, const std::vector<int64_t>& recv_rows, Tensor send,
                const std::vector<int64_t>& send_rows, int size, const char* label) {
  check_apart(recv, send, label);
  const auto total = [](const std::vector<int64_t>& rows) {
    return std::accumulate(rows.begin(), rows.end(), int64_t{0});
  };
  SY_CHECK(!send.empty() && !recv.empty() && row_elements(recv) == row_elements(send),
           "{}: rows of recv {} and send {}", label, recv.shape().str(), send.shape().str());
  SY_CHECK(recv_rows.size() == static_cast<size_t>(size) && send_rows.size() == recv_rows.size(),
           "{}: {} and {} counts for {} ranks", label, recv_rows.size(), send_rows.size(), size);
  SY_CHECK(total(recv_rows) <= recv.dim(0) && total(send_rows) <= send.dim(0),
           "{}: {} rows into recv {}, {} rows from send {}", label, total(recv_rows),
           recv.shape().str(), total(send_rows), send.shape().str());
}

void check_all_gather(Tensor recv, Tensor send, int size, const char* label) {
  check_apart(recv, send, label);
  SY_CHECK(recv.numel() == send.numel() * size, "{}: recv {} and send {} over {} ranks", label,
           recv.shape().str(), send.shape().str(), size);
}

}  // namespace sy::detail
