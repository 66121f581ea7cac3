// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/read_record.h"

#include <fstream>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/dist/flight/record_file.h"

namespace sy::flight {
namespace {

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

RankRecord read_header(const Json& line, int64_t ranks) {
  if (line.at("flight_record") != kRecordVersion) {
    throw DataError(fmt::format("it is of version {}, this program reads version {}",
                                json_line(line.at("flight_record")), kRecordVersion));
  }
  if (line.at("ranks") != ranks) {
    throw DataError(
        fmt::format("it is of a run of {} ranks, not {}", json_line(line.at("ranks")), ranks));
  }
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

Json parse_line(const std::string& text) {
  Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (line.is_discarded()) throw DataError("it is no JSON");
  return line;
}

// Throws what is wrong with it.
Json read_first_line(std::istream& file) {
  std::string text;
  if (!std::getline(file, text)) throw DataError("it is empty");
  return parse_line(text);
}

// Adds what the other lines say, up to the first that cannot be read. Returns what is wrong there.
std::string read_calls(std::istream& file, int64_t ranks, RankRecord& record) {
  GroupReader groups(record, ranks);
  std::string text, fault;
  for (int64_t number = 2; fault.empty() && std::getline(file, text); ++number) {
    try {
      groups.read(parse_line(text));
    } catch (const std::exception& error) {  // of the reading, or of nlohmann-json
      fault = fmt::format("line {}: {}", number, error.what());
    }
  }
  groups.add_found();
  return fault;
}

}  // namespace

std::optional<RecordFile> read_record(const std::string& path, int64_t ranks) {
  std::ifstream file(path);
  if (!file) return {};
  RecordFile read;
  try {
    read.record = read_header(read_first_line(file), ranks);
  } catch (const std::exception& error) {
    read.fault = fmt::format("{} is no record of a rank and is left out: {}", path, error.what());
    return read;
  }
  const std::string fault = read_calls(file, ranks, *read.record);
  if (!fault.empty()) read.fault = fmt::format("{} is read up to its {}", path, fault);
  return read;
}

std::optional<RecordOrigin> read_origin(const std::string& path) {
  std::ifstream file(path);
  try {
    const Json line = read_first_line(file);
    const RecordOrigin origin{line.at("rank"), line.at("ranks"), {line.at("host"), line.at("pid")}};
    const bool is_one = 0 <= origin.rank && origin.rank < origin.ranks;
    if (is_one && origin.ranks <= kMostRanks) return origin;
  } catch (const std::exception&) {  // read_record() says what is wrong
  }
  return {};
}

}  // namespace sy::flight
