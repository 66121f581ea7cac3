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
    if (records.ranks.empty()) return;
    records.faults.push_back(
        fmt::format("{}; only the records say where their ranks ran", fault.what()));
  }
}

// Why no start of the run has a record that can be read.
std::string why_none(const std::string& run, const std::vector<Start>& starts,
                     const std::vector<std::string>& faults) {
  const auto with_folder = std::find_if(starts.rbegin(), starts.rend(),
                                        [](const Start& start) { return !start.folder.empty(); });
  if (with_folder == starts.rend()) {
    return fmt::format(
        "{} does not exist: no start of this run has failed or hung, or {} is not the folder of a "
        "run, such as runs/NAME",
        flight_folder(run), run);
  }
  const std::vector<Start> later(with_folder.base(), starts.end());
  std::string text =
      fmt::format("{}: no rank has left a record that can be read: {}", run, text_of(*with_folder));
  text += later.empty() ? " is still going, or all of its processes were killed at once"
                        : " was killed at once, on all ranks";
  if (!read_records(with_folder->folder).ranks.empty()) {
    text += fmt::format("; {}/{} says where they ran", with_folder->folder, kRanksFile);
  }
  if (!later.empty()) text += "; " + text_of_later(later);
  for (const std::string& fault : faults) text += "\n" + fault;
  return text;
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
  const std::vector<Start> starts = starts_of(run);
  std::vector<std::string> faults;
  for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
    if (start->folder.empty()) continue;
    FlightRecords records = read_records(start->folder);
    faults.insert(faults.end(), records.faults.begin(), records.faults.end());
    if (records.count() == 0) continue;
    records.start = *start;
    records.later.assign(start.base(), starts.end());
    records.faults = std::move(faults);
    return records;
  }
  throw DataError(why_none(run, starts, faults));
}

}  // namespace sy::flight
