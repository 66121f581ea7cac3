#include "lib/convert/safetensors.h"

#include <fmt/format.h>

#include "lib/base/numeric.h"
#include "lib/checkpoint/json_text.h"

namespace sy::convert {
namespace {

constexpr int64_t kPrefix = 8;  // the header's length

int64_t header_length(const File& file) {
  if (file.size() < kPrefix) {
    throw DataError(
        fmt::format("{} is not a safetensors file: it has {} bytes", file.path(), file.size()));
  }
  uint64_t length = 0;
  file.read(&length, 0, kPrefix);
  const auto most = static_cast<uint64_t>(std::min(kLargestHeader, file.size() - kPrefix));
  if (length <= most) return static_cast<int64_t>(length);
  throw DataError(fmt::format(
      "{} is cut short or is not a safetensors file: it announces a header of {} bytes, has {} in "
      "all, and {} are allowed",
      file.path(), length, file.size(), kLargestHeader));
}

int64_t bytes_of(const SafetensorsEntry& entry) {
  int64_t bytes = entry.dtype == "F32" ? 4 : 2;
  for (const int64_t extent : entry.shape) bytes *= extent;
  return bytes;
}

// Sets the entries' places and returns the header, filled up with spaces so that the tensors begin
// at a multiple of 8.
std::string lay_out(std::vector<SafetensorsEntry>& entries) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  int64_t begin = 0;
  for (SafetensorsEntry& entry : entries) {
    entry.begin = begin;
    entry.bytes = bytes_of(entry);
    begin += entry.bytes;
    header += fmt::format(R"(,{}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})",
                          checkpoint::json_quote(entry.name), entry.dtype, shape_text(entry.shape),
                          entry.begin, begin);
  }
  header += "}";
  header.resize(static_cast<size_t>(round_up(static_cast<int64_t>(header.size()), 8)), ' ');
  return header;
}

}  // namespace

SafetensorsReader::SafetensorsReader(const std::string& path) : file_(File::open(path)) {
  const int64_t length = header_length(file_);
  std::string header(static_cast<size_t>(length), '\0');
  file_.read(header.data(), kPrefix, length);
  data_begin_ = kPrefix + length;
  entries_ = parse_safetensors_header(header, file_.size() - data_begin_, path);
}

void SafetensorsReader::read(const SafetensorsEntry& entry, int64_t begin, int64_t bytes,
                             void* out) const {
  SY_CHECK(begin >= 0 && bytes >= 0 && begin + bytes <= entry.bytes, "bytes {} to {} of {}", begin,
           begin + bytes, entry.name);
  file_.read(out, data_begin_ + entry.begin + begin, bytes);
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<SafetensorsEntry> entries)
    : file_(File::create(path)) {
  const std::string header = lay_out(entries);
  const uint64_t length = header.size();
  SY_CHECK(length <= kLargestHeader, "{} tensors are too many for one file", entries.size());
  file_.append(&length, kPrefix);
  file_.append(header.data(), static_cast<int64_t>(length));
  for (const SafetensorsEntry& entry : entries) missing_ += entry.bytes;
}

void SafetensorsWriter::append(const void* data, int64_t bytes) {
  SY_CHECK(bytes <= missing_, "{} bytes too many for {}", bytes - missing_, file_.path());
  file_.append(data, bytes);
  missing_ -= bytes;
}

void SafetensorsWriter::close() {
  SY_CHECK(missing_ == 0, "{} bytes of {} never came", missing_, file_.path());
  file_.sync();
}

}  // namespace sy::convert
