#include "lib/checkpoint/hdf5/hdf5_handle.h"

#include <algorithm>
#include <string_view>

#include "lib/base/error.h"

namespace sy::checkpoint {
namespace {

// The innermost entry of the error stack. Where the library quotes the system ("errno = 28, error
// message = 'No space left on device'") the quote alone says it best.
herr_t keep_innermost(unsigned, const H5E_error2_t* entry, void* reason) {
  *static_cast<std::string*>(reason) = entry->desc == nullptr ? "" : entry->desc;
  return 1;
}
std::string library_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
  constexpr std::string_view kQuote = "error message = '";
  const size_t begin = reason.find(kQuote);
  if (begin != std::string::npos) {
    reason.erase(0, begin + kQuote.size());
    reason.erase(std::min(reason.find('\''), reason.size()));
  }
  return reason.empty() ? "the HDF5 library gave no reason" : reason;
}

}  // namespace

std::string failure_text(const Place& place, const std::string& reason) {
  const std::string in = place.dataset.empty() ? "" : fmt::format(" (dataset {})", place.dataset);
  return fmt::format("cannot {} {}{}: {}", place.writing ? "write" : "read", place.path, in,
                     reason);
}

void fail(const Place& place) {
  const std::string message = failure_text(place, library_reason());
  if (place.writing) throw RuntimeFailure(message);
  throw DataError(message);
}

}  // namespace sy::checkpoint
