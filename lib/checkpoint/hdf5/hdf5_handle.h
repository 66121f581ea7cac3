// SPDX-License-Identifier: Apache-2.0
// Identifiers and errors of HDF5's C API, for hdf5_file.cpp.
#pragma once

#include <hdf5.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace sy::checkpoint {

// What a library call was working on, for the message when it fails.
struct Place {
  const std::string& path;
  const std::string& dataset;  // empty: the file as a whole
  bool writing;
};

// "cannot read FILE (dataset NAME): REASON"
inline std::string failure_text(const Place& place, const std::string& reason) {
  const std::string in = place.dataset.empty() ? "" : fmt::format(" (dataset {})", place.dataset);
  return fmt::format("cannot {} {}{}: {}", place.writing ? "write" : "read", place.path, in,
                     reason);
}

// The innermost entry of the library's error stack. An entry that quotes the operating system
// ("errno = 28, error message = 'No space left on device'") is reduced to the quotation.
inline std::string library_reason() {
  std::string reason;
  const auto keep_innermost = [](unsigned, const H5E_error2_t* entry, void* text) -> herr_t {
    *static_cast<std::string*>(text) = entry->desc == nullptr ? "" : entry->desc;
    return 1;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
  constexpr std::string_view kQuote = "error message = '";
  const size_t begin = reason.find(kQuote);
  if (begin != std::string::npos) {
    reason.erase(0, begin + kQuote.size());
    reason.erase(std::min(reason.find('\''), reason.size()));
  }
  return reason.empty() ? "the HDF5 library gave no reason" : reason;
}

// Throws library_reason(): a RuntimeFailure while writing, a DataError while reading.
[[noreturn]] inline void fail(const Place& place) {
  const std::string message = failure_text(place, library_reason());
  if (place.writing) throw RuntimeFailure(message);
  throw DataError(message);
}

// Returns a result of the C API; a negative one is a failure.
template <class Result>
Result checked(Result result, const Place& place) {
  if (result < 0) fail(place);
  return result;
}

// Owns an identifier of the library, of any kind.
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
