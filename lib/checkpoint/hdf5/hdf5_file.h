// One HDF5 file: the few operations a checkpoint needs of the C API. Failures name the file, the
// dataset and the library's innermost reason (often the system's, such as a full disk): a
// RuntimeFailure while writing, a DataError while reading. Nothing is printed by the library.
//
// Dataset names are paths; groups are made as needed. Tensors have at least one axis.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/tensor/slab.h"

namespace sy::checkpoint {

class Hdf5File {
 public:
  // Replaces the file. Until close() succeeds it counts as failed, and the destructor removes it.
  static Hdf5File create(const std::string& path);
  // Read only. The library trusts what it reads, so the caller checks the file's checksum first.
  static Hdf5File open(const std::string& path);

  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  // Little-endian, contiguous; float32, float64 or int32.
  void write(const std::string& dataset, const Tensor& values);
  // One axis, in chunks, shuffled and deflated.
  void write_compressed(const std::string& dataset, const std::vector<int32_t>& values);
  void write_text(const std::string& dataset, const std::string& text);

  // A dataset that shows datasets of other files as one, each in the place of its slab. `file` is
  // relative to this file's folder. What no source gives, because its file is gone, reads as NaN,
  // in int32 as the least number.
  struct Source {
    std::string file;
    std::string dataset;  // of the slab's extent
    Slab slab;
  };
  void write_virtual(const std::string& dataset, DType dtype, const Shape& global,
                     const std::vector<Source>& sources);

  // Overwrites `values`; the dataset's element type and shape must be the tensor's.
  void read(const std::string& dataset, const Tensor& values) const;

  // Writes out what the library holds back. Not yet durable: sync_path does that.
  void close();

 private:
  Hdf5File(std::string path, int64_t id, bool writing)
      : path_(std::move(path)), id_(id), writing_(writing) {}

  std::string path_;
  int64_t id_;  // hid_t; -1 once closed
  bool writing_;
};

}  // namespace sy::checkpoint
