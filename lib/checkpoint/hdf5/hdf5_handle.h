// Identifiers and errors of HDF5's C API, for hdf5_file.cpp.
#pragma once

#include <hdf5.h>

#include <string>

namespace sy::checkpoint {

// Where a call of the library works, for what is said when it fails.
struct Place {
  const std::string& path;
  const std::string& dataset;  // empty: the file as a whole
  bool writing;
};

// "cannot read FILE (dataset NAME): REASON"
std::string failure_text(const Place& place, const std::string& reason);

// Throws the library's innermost reason: a RuntimeFailure while writing, a DataError while reading.
[[noreturn]] void fail(const Place& place);

// Passes a result of the C API through; a negative one is a failure.
template <class Result>
Result checked(Result result, const Place& place) {
  if (result < 0) fail(place);
  return result;
}

// Owns any identifier of the library.
class Handle {
 public:
  Handle(hid_t id, const Place& place) : id_(checked(id, place)) {}
  ~Handle() { H5Idec_ref(id_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
};

}  // namespace sy::checkpoint
