// SPDX-License-Identifier: Apache-2.0
// A non-owning view of contiguous row-major memory with a dtype and a shape. Copying a Tensor
// copies the view. A default-constructed Tensor is empty and stands for an absent optional
// argument. During planning (exec.h) views have a shape but no memory.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/tensor/dtype.h"

namespace sy {

class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(const std::vector<int64_t>& dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[axis]; }
  int64_t& operator[](int axis) { return dims_[axis]; }
  int64_t numel() const;
  bool operator==(const Shape& other) const;
  Shape without_first() const;  // requires rank >= 1
  std::string str() const;      // "[2, 3]"

 private:
  int rank_ = 0;
  int64_t dims_[kMaxRank] = {};
};

class Tensor {
 public:
  Tensor() = default;
  Tensor(void* data, DType dtype, Shape shape) : data_(data), dtype_(dtype), shape_(shape) {}

  bool empty() const { return shape_.rank() == 0; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int axis) const { return shape_[axis < 0 ? axis + shape_.rank() : axis]; }
  int64_t numel() const { return empty() ? 0 : shape_.numel(); }
  int64_t bytes() const { return numel() * static_cast<int64_t>(size_of(dtype_)); }
  void* raw() const { return data_; }

  // The tensor seen as a matrix: rows() is the product of all axes but the last, cols() is the
  // last.
  int64_t rows() const { return dim(-1) == 0 ? 0 : numel() / dim(-1); }
  int64_t cols() const { return dim(-1); }

  template <class T>
  T* data() const {
    SY_CHECK(empty() || dtype_ == DTypeOf<T>::value, "a {} tensor read as {}", name_of(dtype_),
             name_of(DTypeOf<T>::value));
    return static_cast<T*>(data_);
  }

  // The same elements with another shape of equal size.
  Tensor view(Shape shape) const;
  // Rows [begin, begin + count) of the first axis.
  Tensor slice(int64_t begin, int64_t count) const;
  // Element `index` of the first axis; the rank is one lower.
  Tensor at(int64_t index) const;

 private:
  void* data_ = nullptr;
  DType dtype_ = DType::f32;
  Shape shape_;
};

}  // namespace sy
