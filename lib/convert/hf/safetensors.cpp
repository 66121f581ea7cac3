// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/safetensors.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "lib/base/numeric.h"
#include "lib/checkpoint/locate.h"
#include "lib/convert/hf/float_type.h"

namespace sy::convert {
namespace {

constexpr int64_t kPrefix = 8;  // the length of the header

int64_t header_length(const File& file) {
  if (file.size() < kPrefix) {
    throw DataError(
        fmt::format("{} is not a safetensors file: it has {} bytes", file.path(), file.size()));
  }
  uint64_t length = 0;
  file.read(&length, 0, kPrefix);
  const auto most = static_cast<uint64_t>(std::min(kLargestHeader, file.size() - kPrefix));
  if (length <= most) return static_cast<int64_t>(length);
  if (is_lfs_pointer(file.path())) throw DataError(lfs_message(file.path()));
  throw DataError(fmt::format(
      "{} is cut short or is not a safetensors file: it announces a header of {} bytes, has {} in "
      "all, and {} are allowed",
      file.path(), length, file.size(), kLargestHeader));
}

int64_t bytes_of(const SafetensorsEntry& entry) {
  const auto type = float_type_named(entry.dtype);
  SY_CHECK(type, "{} has the dtype {}", entry.name, entry.dtype);
  auto bytes = static_cast<int64_t>(size_of(*type));
  for (const int64_t extent : entry.shape) bytes *= extent;
  return bytes;
}

// The header, padded with spaces so that the tensors begin at a multiple of 8.
std::string header_of(const std::vector<SafetensorsEntry>& entries) {
  nlohmann::json object;
  object["__metadata__"]["format"] = "pt";
  int64_t begin = 0;
  for (const SafetensorsEntry& entry : entries) {
    const int64_t end = begin + bytes_of(entry);
    object[entry.name] = {
        {"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string header = object.dump();
  header.resize(static_cast<size_t>(round_up(static_cast<int64_t>(header.size()), 8)), ' ');
  return header;
}

}  // namespace

std::string lfs_message(const std::string& path) {
  return fmt::format(
      "{} is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`, or download it",
      path);
}

std::string json_quote(std::string_view text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::vector<SafetensorsEntry> read_safetensors_header(const File& file) {
  const int64_t length = header_length(file), data_begin = kPrefix + length;
  std::string header(static_cast<size_t>(length), '\0');
  file.read(header.data(), kPrefix, length);
  return parse_safetensors_header(header, data_begin, file.size() - data_begin, file.path());
}

SafetensorsWriter::SafetensorsWriter(const std::string& path,
                                     const std::vector<SafetensorsEntry>& entries)
    : file_(File::create(path)) {
  const std::string header = header_of(entries);
  const uint64_t length = header.size();
  SY_CHECK(length <= kLargestHeader, "{} tensors are too many for one file", entries.size());
  file_.append(&length, kPrefix);
  file_.append(header.data(), static_cast<int64_t>(length));
  for (const SafetensorsEntry& entry : entries) missing_ += bytes_of(entry);
}

void SafetensorsWriter::append(const void* data, int64_t bytes) {
  SY_CHECK(bytes <= missing_, "{} bytes too many for {}", bytes - missing_, file_.path());
  file_.append(data, bytes);
  missing_ -= bytes;
}

void SafetensorsWriter::close() {
  SY_CHECK(missing_ == 0, "{} bytes of {} are missing", missing_, file_.path());
  file_.sync();
}

}  // namespace sy::convert
