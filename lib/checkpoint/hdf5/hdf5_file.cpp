// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/hdf5/hdf5_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/hdf5/hdf5_handle.h"
#include "lib/checkpoint/hdf5/quiet_driver.h"

namespace sy::checkpoint {
namespace {

static_assert(sizeof(hid_t) == sizeof(int64_t));

constexpr hsize_t kChunk = 1 << 16;  // elements of a compressed chunk
constexpr unsigned kDeflateLevel = 4;

struct Types {
  hid_t file;
  hid_t memory;
};
Types types_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return {H5T_IEEE_F32LE, H5T_NATIVE_FLOAT};
    case DType::f64:
      return {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE};
    case DType::i32:
      return {H5T_STD_I32LE, H5T_NATIVE_INT32};
    case DType::bf16:
      break;
  }
  SY_CHECK(false, "a checkpoint has no {} tensors", name_of(dtype));
}

std::vector<hsize_t> dims_of(const Shape& shape) {
  SY_CHECK(shape.rank() > 0, "a dataset needs an axis");
  std::vector<hsize_t> dims;
  dims.reserve(static_cast<size_t>(shape.rank()));
  for (int axis = 0; axis < shape.rank(); ++axis) dims.push_back(static_cast<hsize_t>(shape[axis]));
  return dims;
}

hid_t simple_space(const Shape& shape) {
  const std::vector<hsize_t> dims = dims_of(shape);
  return H5Screate_simple(shape.rank(), dims.data(), nullptr);
}

// Link creation properties with which the groups of a path are created.
hid_t with_groups() {
  const hid_t properties = H5Pcreate(H5P_LINK_CREATE);
  if (properties >= 0) H5Pset_create_intermediate_group(properties, 1);
  return properties;
}

// Error stacks are per thread, so each thread silences its own. A writer and a reader may run on
// two threads at once, so the library must be built thread-safe.
void prepare_thread() {
  thread_local const bool silenced = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static const bool safe = [] {
    hbool_t threadsafe = 0;
    return H5is_library_threadsafe(&threadsafe) >= 0 && threadsafe;
  }();
  if (!silenced || !safe) {
    throw RuntimeFailure(
        "this HDF5 library is not thread-safe: link one that was built with --enable-threadsafe");
  }
}

// Closing a file closes every object in it. Files are not locked: some parallel file systems refuse
// locks, and a checkpoint does not need them because each file has one writer.
hid_t access_properties() {
  const hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
  if (properties < 0) return properties;
  H5Pset_fclose_degree(properties, H5F_CLOSE_STRONG);
  H5Pset_file_locking(properties, 0, 1);
  return properties;
}

void check_no_failure(int failure, const Place& place) {
  if (failure != 0) throw RuntimeFailure(failure_text(place, std::strerror(failure)));
}

// Throws if a write that the library believes to have succeeded has failed.
void check_written(hid_t file, const Place& place) {
  check_no_failure(write_failure(file), place);
}

// Sets the value that is read where nothing was stored.
void set_missing(hid_t properties, DType dtype, const Place& place) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
  const bool integer = dtype == DType::i32;
  const hid_t type = integer ? H5T_NATIVE_INT32 : H5T_NATIVE_DOUBLE;
  const void* value = integer ? static_cast<const void*>(&kLeast) : &kNan;
  checked(H5Pset_fill_value(properties, type, value), place);
}

void write_dataset(hid_t file, const Place& place, hid_t properties, const Tensor& values) {
  const Types types = types_of(values.dtype());
  const Handle space(simple_space(values.shape()), place), groups(with_groups(), place);
  const Handle set(
      H5Dcreate2(file, place.dataset.c_str(), types.file, space, groups, properties, H5P_DEFAULT),
      place);
  if (values.numel() == 0) return;
  checked(H5Dwrite(set, types.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.raw()), place);
}

}  // namespace

Hdf5File Hdf5File::create(const std::string& path) {
  prepare_thread();
  const Place place{path, "", true};
  tell_observer(FileCall::write, path);
  // The library would not say why the file cannot be created.
  const int probe = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (probe < 0) throw RuntimeFailure(failure_text(place, std::strerror(errno)));
  ::close(probe);
  const Handle access(access_properties(), place);
  checked(use_quiet_driver(access), place);
  return Hdf5File(path, checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), place),
                  true);
}

Hdf5File Hdf5File::open(const std::string& path) {
  prepare_thread();
  const Place place{path, "", false};
  const Handle access(access_properties(), place);
  return Hdf5File(path, checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), place), false);
}

Hdf5File::~Hdf5File() {
  if (id_ < 0) return;
  H5Fclose(id_);
  if (writing_) unlink(path_.c_str());
}

void Hdf5File::write(const std::string& dataset, const Tensor& values) {
  const Place place{path_, dataset, true};
  write_dataset(id_, place, H5P_DEFAULT, values);
  check_written(id_, place);
}

void Hdf5File::write_compressed(const std::string& dataset, const std::vector<int32_t>& values) {
  const Place place{path_, dataset, true};
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), place);
  if (!values.empty()) {
    const hsize_t chunk = std::min<hsize_t>(values.size(), kChunk);
    checked(H5Pset_chunk(properties, 1, &chunk), place);
    checked(H5Pset_shuffle(properties), place);
    checked(H5Pset_deflate(properties, kDeflateLevel), place);
  }
  write_dataset(id_, place, properties,
                Tensor(const_cast<int32_t*>(values.data()), DType::i32,
                       {static_cast<int64_t>(values.size())}));
  check_written(id_, place);
}

void Hdf5File::write_text(const std::string& dataset, const std::string& text) {
  const Place place{path_, dataset, true};
  const Handle type(H5Tcopy(H5T_C_S1), place), space(H5Screate(H5S_SCALAR), place);
  const Handle groups(with_groups(), place);
  checked(H5Tset_size(type, H5T_VARIABLE), place);
  checked(H5Tset_cset(type, H5T_CSET_UTF8), place);
  const Handle set(H5Dcreate2(id_, dataset.c_str(), type, space, groups, H5P_DEFAULT, H5P_DEFAULT),
                   place);
  const char* pointer = text.c_str();
  checked(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &pointer), place);
}

void Hdf5File::write_virtual(const std::string& dataset, DType dtype, const Shape& global,
                             const std::vector<Source>& sources) {
  const Place place{path_, dataset, true};
  const Handle space(simple_space(global), place), groups(with_groups(), place);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), place);
  set_missing(properties, dtype, place);
  for (const Source& source : sources) {
    if (source.slab.numel() == 0) continue;
    const Handle target(simple_space(global), place),
        whole(simple_space(source.slab.extent), place);
    const std::vector<hsize_t> start = dims_of(source.slab.offset),
                               count = dims_of(source.slab.extent);
    checked(
        H5Sselect_hyperslab(target, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
        place);
    checked(H5Pset_virtual(properties, target, source.file.c_str(), source.dataset.c_str(), whole),
            place);
  }
  const Handle set(H5Dcreate2(id_, dataset.c_str(), types_of(dtype).file, space, groups, properties,
                              H5P_DEFAULT),
                   place);
}

void Hdf5File::read(const std::string& dataset, const Tensor& values) const {
  const Place place{path_, dataset, false};
  const Types types = types_of(values.dtype());
  const Handle set(H5Dopen2(id_, dataset.c_str(), H5P_DEFAULT), place);
  const Handle space(H5Dget_space(set), place), type(H5Dget_type(set), place);
  const std::vector<hsize_t> expected = dims_of(values.shape());
  std::vector<hsize_t> dims(Shape::kMaxRank, 0);
  const bool same_rank = H5Sget_simple_extent_ndims(space) == values.rank();
  if (same_rank) {
    checked(H5Sget_simple_extent_dims(space, dims.data(), nullptr), place);
    dims.resize(expected.size());
  }
  if (!same_rank || dims != expected || H5Tequal(type, types.file) <= 0) {
    throw DataError(fmt::format("cannot read {} (dataset {}): it is not {} {}", path_, dataset,
                                name_of(values.dtype()), values.shape().str()));
  }
  if (values.numel() == 0) return;
  checked(H5Dread(set, types.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.raw()), place);
}

void Hdf5File::close() {
  const Place place{path_, "", writing_};
  if (writing_) {
    tell_observer(FileCall::write, path_);
    checked(H5Fflush(id_, H5F_SCOPE_LOCAL), place);
    check_written(id_, place);
  }
  checked(H5Fclose(id_), place);
  id_ = -1;
  if (writing_) check_no_failure(failure_until_closed(), place);
}

}  // namespace sy::checkpoint
