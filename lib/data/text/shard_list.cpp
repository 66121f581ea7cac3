// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/shard_list.h"

#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/paths.h"
#include "lib/base/random.h"

namespace sy {
namespace {

// Above any stream's own site.
constexpr uint32_t kOrderSite = site::kData + 0x0F000000u;

std::vector<std::string> expand(const std::string& pattern, const std::string& source) {
  std::vector<std::string> files = match_files(pattern);
  if (files.empty()) {
    throw DataError(fmt::format(
        "the shard pattern '{}' matches no file, seen from {}; correct it in {}, or run from the "
        "folder that the pattern starts from",
        pattern, std::filesystem::current_path().string(), source));
  }
  return files;
}

// Opening a pipe without a writer would block.
void check_kind(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (!std::filesystem::is_other(status)) return;
  throw DataError(fmt::format(
      "the shard {} is a pipe or a device, which can be read only once; write the text to a file",
      path));
}

// Checkpoints name their shards in JSON, which is UTF-8.
void check_name(const std::string& path) {
  if (simdjson::validate_utf8(path)) return;
  std::string printable;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    printable += byte < 0x80 ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  throw DataError(fmt::format(
      "the shard {} has a name that is not UTF-8, so no checkpoint can record it; rename it",
      printable));
}

}  // namespace

std::vector<std::string> expand_globs(const std::vector<std::string>& patterns,
                                      const std::string& source) {
  if (patterns.empty()) {
    throw DataError("no shard patterns are given; set data.train and data.validation");
  }
  std::vector<std::string> paths;
  for (const std::string& pattern : patterns) {
    for (std::string& path : expand(pattern, source)) {
      check_name(path);
      check_kind(path);
      paths.push_back(std::move(path));
    }
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

ShardList::ShardList(std::vector<std::string> shards, int64_t streams, uint64_t seed)
    : shards_(std::move(shards)), streams_(streams), seed_(seed) {
  SY_CHECK(!shards_.empty() && streams > 0, "{} shards for {} streams", shards_.size(), streams);
  parts_ = std::max<int64_t>(1, ceil_div(streams, static_cast<int64_t>(shards_.size())));
}

std::vector<int64_t> ShardList::epoch_order(int64_t epoch) const {
  std::vector<int64_t> order(static_cast<size_t>(units()));
  std::iota(order.begin(), order.end(), 0);
  const RandomKey key{seed_, static_cast<uint32_t>(epoch), kOrderSite};
  for (size_t last = order.size() - 1; last > 0; --last) {
    std::swap(order[last], order[random_below(key, last, narrow<uint32_t>(last + 1))]);
  }
  return order;
}

int64_t UnitSequence::unit_number(int64_t turn) {
  if (epoch(turn) != epoch_) {
    epoch_ = epoch(turn);
    order_ = list_->epoch_order(epoch_);
  }
  return order_[static_cast<size_t>(slot(turn) % list_->units())];
}

}  // namespace sy
