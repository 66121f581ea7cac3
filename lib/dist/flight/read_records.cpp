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

// The groups of a record, which come before its calls, by the numbers that these have for them. A
// closed group counts if none was opened after it with the same name and ranks.
class GroupReader {
 public:
  // In a run of `ranks` ranks.
  GroupReader(RankRecord& record, int64_t ranks) : record_(record), ranks_(ranks) {}

  void read(const Json& line) {
    const int64_t id = line.at("group");
    if (line.contains("name")) {
      const GroupKey key{line.at("name"), line.at("transport"), line.at("ranks")};
      require_known(key.ranks);
      found_[id] = {key, line.at("begun"), line.value("open", 1) != 0};
      return;
    }
    add_found();
    const auto group = by_id_.find(id);
    if (group == by_id_.end()) return;
    RecordedCall call = read_call(line);
    group->second->calls[call.number] = std::move(call);
  }

  // Called at the end: there may be no calls.
  void add_found() {
    for (auto& [id, group] : found_) {
      if (!group.open) continue;
      while (record_.groups.contains(group.key)) ++group.key.before;
      add(id, group);
    }
    for (auto group = found_.rbegin(); group != found_.rend(); ++group) {
      if (!record_.groups.contains(group->second.key)) add(group->first, group->second);
    }
    found_.clear();
  }

 private:
  struct Found {
    GroupKey key;
    int64_t begun = 0;
    bool open = false;
  };

  void add(int64_t id, const Found& group) {
    RecordedGroup& added = record_.groups[group.key];
    added.begun = group.begun;
    by_id_[id] = &added;
  }

  void require_known(const std::vector<int>& ranks) const {
    for (const int rank : ranks) {
      if (0 <= rank && rank < ranks_) continue;
      throw DataError(
          fmt::format("it has a group with rank {}, and the run {} ranks", rank, ranks_));
    }
  }

  RankRecord& record_;
  const int64_t ranks_;
  std::map<int64_t, Found> found_;  // in the order in which they were opened; not added yet
  std::map<int64_t, RecordedGroup*> by_id_;
};

// A line that is no JSON is the end that is missing.
RankRecord read_lines(std::ifstream& file, int64_t ranks) {
  RankRecord record;
  GroupReader groups(record, ranks);
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
  groups.add_found();
  return record;
}

std::optional<RankRecord> read_record(const std::string& path, int64_t ranks) {
  std::ifstream file(path);
  if (!file) return {};
  try {
    return read_lines(file, ranks);
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
  const int64_t ranks = std::ssize(records.ranks);
  for (int rank = 0; rank < ranks; ++rank) {
    records.ranks[static_cast<size_t>(rank)].record =
        read_record(folder + "/" + record_name(rank), ranks);
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
