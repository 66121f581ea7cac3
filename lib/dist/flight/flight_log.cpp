// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/flight_log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>

#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/dist/flight/fatal_signals.h"
#include "lib/dist/flight/hang_sign.h"
#include "lib/dist/time_limit.h"
#include "lib/dist/watchdog.h"

namespace sy::flight {
namespace {

namespace fs = std::filesystem;

constexpr double kWriteSeconds = 5;

std::atomic<bool> asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

struct HostAndPid {
  std::array<char, 64> host;
  int32_t pid;
};
static_assert(sizeof(HostAndPid) % sizeof(int32_t) == 0);

std::vector<RankPlace> gather_places(Communicator& world) {
  constexpr int64_t kWords = sizeof(HostAndPid) / sizeof(int32_t);
  HostAndPid mine{};
  gethostname(mine.host.data(), mine.host.size() - 1);
  mine.pid = getpid();
  std::vector<HostAndPid> all(static_cast<size_t>(world.size()));
  world.all_gather(Tensor(all.data(), DType::i32, {world.size(), kWords}),
                   Tensor(&mine, DType::i32, {kWords}), "hosts of the ranks");
  std::vector<RankPlace> places;
  places.reserve(all.size());
  for (const HostAndPid& each : all) places.push_back({each.host.data(), each.pid});
  return places;
}

void write_ranks(const std::string& folder, const std::vector<RankPlace>& places) {
  Json ranks = Json::array();
  for (const RankPlace& place : places) ranks.push_back({{"host", place.host}, {"pid", place.pid}});
  const std::string path = folder + "/" + kRanksFile, part = path + ".part";
  std::ofstream file(part);
  file << json_line({{"flight_ranks", kRecordVersion}, {"ranks", std::move(ranks)}}) << '\n';
  file.close();
  if (file && std::rename(part.c_str(), path.c_str()) == 0) return;
  log::warn("{} cannot be written: {}", path, std::strerror(errno));
  std::remove(part.c_str());
}

void write_within_limit(Reason reason, const std::string& message) {
  if (is_armed()) run_within(kWriteSeconds, [=] { write_record(reason, message.c_str()); });
}

}  // namespace

FlightLog::FlightLog(const std::string& run, const std::string& start, Communicator& world)
    : folder_(flight_folder(run) + "/" + start), world_(world), places_(gather_places(world)) {
  if (world.rank() == 0) prepare(run);
  arm({folder_, world.rank(), world.size()});
  if (hang_limit() > 0) watch_for_sign(folder_, hang_limit(), ended_);
  catch_fatal_signals();
}

FlightLog::~FlightLog() {
  if (std::uncaught_exceptions() == 0) stop();
}

void FlightLog::prepare(const std::string& run) const {
  std::error_code error;
  std::vector<Start> starts = starts_of(run);
  std::erase_if(starts, [](const Start& start) { return start.folder.empty(); });
  for (size_t i = 0; i + kStartsKept < starts.size(); ++i) fs::remove_all(starts[i].folder, error);
  fs::create_directories(folder_, error);
  write_ranks(folder_, places_);
}

void FlightLog::stop() {
  *ended_ = true;
  release_fatal_signals();
  disarm();
}

void FlightLog::end() {
  stop();
  world_.barrier("end of the flight log");
  if (world_.rank() != 0) return;
  std::error_code error;
  fs::remove_all(folder_, error);
  fs::remove(fs::path(folder_).parent_path(), error);  // if no earlier start left something
}

void record_failure(const std::string& message) {
  write_within_limit(Reason::failure, message);
}

void ask_for_record() {
  asked = true;
}

void answer() {
  if (is_armed() && asked.exchange(false)) write_within_limit(Reason::terminated, "SIGTERM");
}

std::string explain_fault(Reason reason, const std::string& fault, double limit) {
  const std::string folder = record_folder();  // read once: the log may end meanwhile
  if (folder.empty()) return "";
  const double grace = grace_of(limit);
  const auto explanation = std::make_shared<std::string>();
  const double patience = kWriteSeconds + 2 * grace;
  const bool done = run_within(kWriteSeconds + patience, [=] {
    write_record(reason, fault.c_str());
    if (!raise_sign(folder)) {
      *explanation = wait_to_be_ended(patience);
    } else if (reason == Reason::hang) {
      *explanation = diagnosis_within(folder, grace);
    }
  });
  return done ? *explanation : "";
}

}  // namespace sy::flight
