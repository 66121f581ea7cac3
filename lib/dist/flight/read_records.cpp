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

constexpr int kMostRanks = 1 << 20;

double seconds(const Json& microseconds) {
  return microseconds.get<double>() / 1e6;
}

RecordedCall read_call(const Json& line) {
  return {.collective = line.at("collective"),
          .label = line.at("label"),
          .dtype = line.at("dtype"),
          .count = line.at("count"),
          .number = line.at("call"),
          .step = line.at("step"),
          .begun = seconds(line.at("begun")),
          .waited = seconds(line.at("waited")),
          .ended = seconds(line.at("ended"))};
}

void check_version(const Json& line, const char* key) {
  if (line.at(key) == kRecordVersion) return;
  throw DataError(fmt::format("it is of version {}, this program reads version {}",
                              json_line(line.at(key)), kRecordVersion));
}

RankRecord read_header(const Json& line) {
  check_version(line, "flight_record");
  RankRecord record;
  record.reason = line.at("reason");
  record.message = line.at("message");
  record.step = line.at("step");
  record.time = seconds(line.at("time"));
  record.paused = seconds(line.at("paused"));
  record.paused_until = seconds(line.at("paused_until"));
  return record;
}

// The groups of a record by the numbers that its calls have for them. One that was opened again,
// with the same ranks, replaces the one before.
class GroupReader {
 public:
  explicit GroupReader(RankRecord& record) : record_(record) {}

  void read(const Json& line) {
    const int64_t id = line.at("group");
    if (line.contains("name")) {
      const GroupKey key{line.at("name"), line.at("transport"), line.at("ranks")};
      const auto [known, fresh] = newest_.try_emplace(key, id);
      if (!fresh && known->second > id) return;
      known->second = id;
      record_.groups[key] = {.begun = line.at("begun"), .calls = {}};
      by_id_[id] = &record_.groups[key];
      return;
    }
    const auto group = by_id_.find(id);
    if (group == by_id_.end()) return;
    RecordedCall call = read_call(line);
    group->second->calls[call.number] = std::move(call);
  }

 private:
  RankRecord& record_;
  std::map<GroupKey, int64_t> newest_;
  std::map<int64_t, RecordedGroup*> by_id_;
};

// A line that is no JSON is the end that is missing.
RankRecord read_lines(std::ifstream& file) {
  RankRecord record;
  GroupReader groups(record);
  std::string text;
  for (int64_t number = 0; std::getline(file, text); ++number) {
    const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_discarded()) break;
    if (number == 0) {
      record = read_header(line);
    } else {
      groups.read(line);
    }
  }
  if (record.reason.empty()) throw DataError("it has no first line");
  return record;
}

std::optional<RankRecord> read_record(const std::string& path) {
  std::ifstream file(path);
  if (!file) return {};
  try {
    return read_lines(file);
  } catch (const std::exception& fault) {  // of the reading, or of nlohmann-json
    throw DataError(fmt::format("{} is no record of a rank: {}", path, fault.what()));
  }
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
  for (size_t rank = 0; rank < records.ranks.size(); ++rank) {
    records.ranks[rank].record = read_record(folder + "/" + record_name(static_cast<int>(rank)));
  }
  return records;
}

FlightRecords newest_records(const std::string& run) {
  const std::vector<std::string> starts = starts_of(run);
  for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
    if (!std::filesystem::exists(*start + "/" + kRanksFile)) continue;  // it is being made
    FlightRecords records = read_records(*start);
    if (records.count() > 0) return records;
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
