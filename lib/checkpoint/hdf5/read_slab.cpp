// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/hdf5/read_slab.h"

#include <algorithm>
#include <cstring>

namespace sy::checkpoint {
namespace {

// Reads the whole stored slab into `whole` and checks it.
void read_whole(const Hdf5File& file, const std::string& path, const SlabRead& read,
                const Tensor& whole) {
  file.read(read.dataset(), whole);
  check_contents(whole, read.stored->checksum, path, read.dataset());
}

// `shape.numel()` elements of a tensor's memory from `first` on.
Tensor stretch(const Tensor& tensor, int64_t first, const Shape& shape) {
  const int64_t bytes = first * static_cast<int64_t>(size_of(tensor.dtype()));
  return {static_cast<char*>(tensor.raw()) + bytes, tensor.dtype(), shape};
}

}  // namespace

void check_contents(const Tensor& values, uint64_t expected, const std::string& path,
                    const std::string& dataset) {
  if (checksum(values.raw(), values.bytes()) == expected) return;
  throw DataError(
      fmt::format("{} (dataset {}) does not match its checksum in the manifest", path, dataset));
}

Tensor read_buffered(const Hdf5File& file, const std::string& path, const SlabRead& read,
                     std::vector<char>& buffer) {
  const Tensor extent(nullptr, read.tensor->dtype, read.stored->slab.extent);
  buffer.resize(std::max(buffer.size(), static_cast<size_t>(extent.bytes())));
  const Tensor whole(buffer.data(), extent.dtype(), extent.shape());
  read_whole(file, path, read, whole);
  return whole;
}

void read_slab(const Hdf5File& file, const std::string& path, const SlabRead& read,
               std::vector<char>& buffer, const CheckpointCopy& copy) {
  const Slab &stored = read.stored->slab, common = read.common();
  const SlabRuns runs(common, read.wanted, stored);
  if (!copy && runs.length() == stored.numel()) {
    runs.each([&](int64_t to, int64_t) {
      read_whole(file, path, read, stretch(read.local, to, stored.extent));
    });
    return;
  }
  const Tensor whole = read_buffered(file, path, read, buffer);
  runs.each([&](int64_t to, int64_t from) {
    const Tensor target = stretch(read.local, to, {runs.length()}),
                 source = stretch(whole, from, {runs.length()});
    if (copy) return copy(target, source);
    std::memcpy(target.raw(), source.raw(), static_cast<size_t>(source.bytes()));
  });
}

}  // namespace sy::checkpoint
