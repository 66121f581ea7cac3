// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/tensor.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace sy {

Shape::Shape(std::initializer_list<int64_t> dims) : rank_(static_cast<int>(dims.size())) {
  SY_CHECK(rank_ <= kMaxRank, "rank {} is more than {}", rank_, kMaxRank);
  std::copy(dims.begin(), dims.end(), dims_);
}

Shape::Shape(const std::vector<int64_t>& dims) : rank_(static_cast<int>(dims.size())) {
  SY_CHECK(rank_ <= kMaxRank, "rank {} is more than {}", rank_, kMaxRank);
  std::copy(dims.begin(), dims.end(), dims_);
}

Shape Shape::without_first() const {
  Shape inner;
  inner.rank_ = rank_ - 1;
  std::copy(dims_ + 1, dims_ + rank_, inner.dims_);
  return inner;
}

int64_t Shape::numel() const {
  int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= dims_[axis];
  return product;
}

bool Shape::operator==(const Shape& other) const {
  if (rank_ != other.rank_) return false;
  for (int axis = 0; axis < rank_; ++axis) {
    if (dims_[axis] != other.dims_[axis]) return false;
  }
  return true;
}

std::string Shape::str() const {
  return fmt::format("[{}]", fmt::join(dims_, dims_ + rank_, ", "));
}

Tensor Tensor::view(Shape shape) const {
  SY_CHECK(shape.numel() == numel(), "a tensor of shape {} cannot be viewed as {}", shape_.str(),
           shape.str());
  return Tensor(data_, dtype_, shape);
}

Tensor Tensor::slice(int64_t begin, int64_t count) const {
  SY_CHECK(rank() > 0 && begin >= 0 && count >= 0 && begin + count <= dim(0), "rows {}..{} of {}",
           begin, begin + count, shape_.str());
  Shape shape = shape_;
  const int64_t row_bytes = dim(0) == 0 ? 0 : bytes() / dim(0);
  shape[0] = count;
  char* start = static_cast<char*>(data_);
  return Tensor(start == nullptr ? nullptr : start + begin * row_bytes, dtype_, shape);
}

Tensor Tensor::at(int64_t index) const {
  SY_CHECK(rank() > 1, "a tensor of shape {} has no inner axis", shape_.str());
  return slice(index, 1).view(shape_.without_first());
}

}  // namespace sy
