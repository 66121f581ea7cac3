// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/file_form.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "lib/data/text/byte_source.h"

namespace sy {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kGzip = "\x1F\x8B"sv, kZstd = "\x28\xB5\x2F\xFD"sv;

// A zstd file may begin with a skippable frame: 0x184D2A50 to 0x184D2A5F, little-endian.
bool is_skippable_frame(std::string_view head) {
  return head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xF0) == 0x50 &&
         head.substr(1, 3) == "\x2A\x4D\x18"sv;
}

struct Foreign {
  std::string_view beginning;
  const char* name;
};
constexpr Foreign kForeign[] = {
    {"PAR1"sv, "a Parquet file"},
    {"ARROW1"sv, "an Arrow file"},
    {"BZh"sv, "bzip2 data"},
    {"\xFD\x37zXZ\0"sv, "xz data"},
    {"\x04\x22\x4D\x18"sv, "LZ4 data"},
    {"PK\x03\x04"sv, "a zip archive"},
    {"\xFF\xFE"sv, "UTF-16 text"},
    {"\xFE\xFF"sv, "UTF-16 text"},
};

bool is_web_page(std::string_view head) {
  constexpr std::string_view kBeginnings[] = {"<!doctype", "<html", "<?xml"};
  head.remove_prefix(std::min(head.find_first_not_of(" \t\r\n"), head.size()));
  return std::any_of(std::begin(kBeginnings), std::end(kBeginnings), [&](std::string_view other) {
    return head.size() >= other.size() &&
           std::equal(other.begin(), other.end(), head.begin(), [](char a, char b) {
             return a == std::tolower(static_cast<unsigned char>(b));
           });
  });
}

}  // namespace

FileForm tell_form(std::string_view head) {
  if (head.starts_with(kGzip)) return FileForm::gzip;
  if (head.starts_with(kZstd) || is_skippable_frame(head)) return FileForm::zstd;
  if (!head.empty() && kGzip.starts_with(head)) throw ShardFault(kCutGzip);
  if (!head.empty() && kZstd.starts_with(head)) throw ShardFault(kCutZstd);
  if (head.starts_with("version https://git-lfs.github.com/")) {
    throw ShardFault("is a Git LFS pointer and not the file it stands for: run `git lfs pull`");
  }
  if (is_web_page(head)) {
    throw ShardFault("is a web page, such as a server's error message: download the shard again");
  }
  for (const Foreign& foreign : kForeign) {
    if (!head.starts_with(foreign.beginning)) continue;
    throw ShardFault(fmt::format(
        "is {}: convert it to lines of JSON in UTF-8, plain or compressed by gzip or zstd",
        foreign.name));
  }
  return FileForm::plain;
}

}  // namespace sy
