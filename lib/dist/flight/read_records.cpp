// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/read_records.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/dist/flight/record_file.h"

namespace sy::flight {
namespace {

namespace fs = std::filesystem;

std::vector<RecordedRank> read_ranks(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw DataError(fmt::format("{}: {}", path, std::strerror(errno)));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const Json all = parse_json(text, path, {.bytes = int64_t{1} << 30, .depth = 4});
    if (all.at("flight_ranks") != kRecordVersion) {
      throw DataError(fmt::format("its version is not {}", kRecordVersion));
    }
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

// The first record that can be read says how many ranks there are.
std::vector<RecordedRank> ranks_by_records(const std::string& folder) {
  std::set<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".jsonl") paths.insert(entry.path().string());
  }
  std::vector<RecordedRank> ranks;
  for (const std::string& path : paths) {
    const std::optional<RecordOrigin> origin = read_origin(path);
    if (!origin) continue;
    if (ranks.empty()) ranks.resize(static_cast<size_t>(origin->ranks));
    if (origin->rank >= std::ssize(ranks)) continue;
    ranks[static_cast<size_t>(origin->rank)].place = origin->place;
  }
  return ranks;
}

// From ranks.json, or else from the records.
void find_ranks(FlightRecords& records) {
  try {
    records.ranks = read_ranks(records.folder + "/" + kRanksFile);
  } catch (const DataError& fault) {
    records.ranks = ranks_by_records(records.folder);
    records.faults.push_back(
        fmt::format("{}; only the records say where their ranks ran", fault.what()));
  }
}

}  // namespace

int64_t FlightRecords::count() const {
  return std::count_if(ranks.begin(), ranks.end(),
                       [](const RecordedRank& rank) { return rank.record.has_value(); });
}

FlightRecords read_records(const std::string& folder) {
  FlightRecords records{.folder = folder, .ranks = {}};
  find_ranks(records);
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
    FlightRecords records = read_records(*start);
    if (records.count() > 0) {
      records.later = std::move(later);
      return records;
    }
    later.push_back(*start);
  }
  if (!starts.empty()) {
    const std::string places = starts.back() + "/" + kRanksFile;
    throw DataError(fmt::format(
        "{}: no rank has left a record that can be read: the run is still going, or all of its "
        "processes were killed at once{}",
        run, fs::exists(places) ? "; " + places + " says where they ran" : ""));
  }
  throw DataError(fmt::format(
      "{} does not exist: no start of this run has failed or hung, or {} is not the folder of a "
      "run, such as runs/NAME",
      flight_folder(run), run));
}

}  // namespace sy::flight
