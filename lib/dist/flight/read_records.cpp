// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/read_records.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/dist/flight/record_file.h"

namespace sy::flight {
namespace {

void check_version(const Json& line, const char* key) {
  if (line.at(key) == kRecordVersion) return;
  throw DataError(fmt::format("it is of version {}, this program reads version {}",
                              json_line(line.at(key)), kRecordVersion));
}

std::vector<RecordedRank> read_ranks(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const Json all = parse_json(text, path, {.bytes = int64_t{1} << 30, .depth = 4});
    check_version(all, "flight_ranks");
    std::vector<RecordedRank> ranks;
    for (const Json& rank : all.at("ranks")) {
      ranks.push_back({.place = {rank.at("host"), rank.at("pid")}, .record = {}});
    }
    if (ranks.empty() || std::ssize(ranks) > kMostRanks) throw DataError("it has no ranks");
    return ranks;
  } catch (const std::exception& fault) {
    throw DataError(fmt::format("{} does not list the ranks of a run: {}", path, fault.what()));
  }
}

}  // namespace

int64_t FlightRecords::count() const {
  return std::count_if(ranks.begin(), ranks.end(),
                       [](const RecordedRank& rank) { return rank.record.has_value(); });
}

FlightRecords read_records(const std::string& folder) {
  FlightRecords records{.folder = folder, .ranks = read_ranks(folder + "/" + kRanksFile)};
  const int64_t ranks = std::ssize(records.ranks);
  for (int number = 0; number < ranks; ++number) {
    std::optional<RecordFile> file = read_record(folder + "/" + record_name(number), ranks);
    if (!file) continue;
    RecordedRank& rank = records.ranks[static_cast<size_t>(number)];
    rank.is_unreadable = !file->record;
    rank.record = std::move(file->record);
    if (!file->fault.empty()) records.faults.push_back(std::move(file->fault));
  }
  return records;
}

FlightRecords newest_records(const std::string& run) {
  const std::vector<std::string> starts = starts_of(run);
  std::vector<std::string> later;
  for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
    if (!std::filesystem::exists(*start + "/" + kRanksFile)) continue;  // it is being made
    FlightRecords records = read_records(*start);
    if (records.count() > 0) {
      records.later = std::move(later);
      return records;
    }
    later.push_back(*start);
  }
  if (!starts.empty()) {
    throw DataError(fmt::format(
        "{}: no rank has left a record: the run is still going, or all of its processes were "
        "killed at once; {}/{} says where they ran",
        run, starts.back(), kRanksFile));
  }
  throw DataError(fmt::format(
      "{} does not exist: no start of this run has failed or hung, or {} is not the folder of a "
      "run, such as runs/NAME",
      flight_folder(run), run));
}

}  // namespace sy::flight
