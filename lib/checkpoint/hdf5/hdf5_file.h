// SPDX-License-Identifier: Apache-2.0
// One HDF5 file: the few operations of the C API that a checkpoint needs. They throw RuntimeFailure
// while writing and DataError while reading, with the file, the dataset and the library's innermost
// reason, which is often the system's (a full disk, for instance). The library prints nothing.
//
// Dataset names are paths; groups are created as needed. Tensors have at least one axis.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/tensor/slab.h"

namespace sy::checkpoint {

class Hdf5File {
 public:
  // Replaces the file. Unless close() succeeds, the destructor removes it.
  static Hdf5File create(const std::string& path);
  // Opens the file for reading. The library trusts what it reads, so check the file's checksum
  // first.
  static Hdf5File open(const std::string& path);

  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  // Little-endian, contiguous; float32, float64 or int32.
  void write(const std::string& dataset, const Tensor& values);
  // One axis, chunked, with the shuffle and deflate filters.
  void write_compressed(const std::string& dataset, const std::vector<int32_t>& values);
  void write_text(const std::string& dataset, const std::string& text);

  // A virtual dataset that shows datasets of other files as one, each in the place of its slab.
  // `file` is relative to the folder of this file. Where a source's file is missing, values read as
  // NaN, or as the smallest int32.
  struct Source {
    std::string file;
    std::string dataset;  // of the slab's extent
    Slab slab;
  };
  void write_virtual(const std::string& dataset, DType dtype, const Shape& global,
                     const std::vector<Source>& sources);

  // Overwrites `values`. The dataset must have the tensor's dtype and shape.
  void read(const std::string& dataset, const Tensor& values) const;

  // Writes out what the library has buffered. Needs sync_path to be durable.
  void close();

 private:
  Hdf5File(std::string path, int64_t id, bool writing)
      : path_(std::move(path)), id_(id), writing_(writing) {}

  std::string path_;
  int64_t id_;  // hid_t; -1 once closed
  bool writing_;
};

}  // namespace sy::checkpoint
