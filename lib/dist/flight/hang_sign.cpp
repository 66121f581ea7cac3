// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/hang_sign.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "lib/base/error.h"
#include "lib/dist/flight/diagnosis.h"
#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/flight/record_file.h"

namespace sy::flight {
namespace {

std::string sign_in(const std::string& folder) {
  return folder + "/hang";
}

// Every step begins with a collective of all ranks. A rank that hangs in step s has come to that of
// s and, on a GPU, which is given a step ahead, to that of s + 1, but to no later one. So since it
// hangs no other rank has begun more than two steps, s + 1 and s + 2. Half the limit leaves room
// for clocks and pauses.
bool may_have_hung(double limit) {
  const std::chrono::duration<double> half(limit / 2);
  return steps_begun_after(Clock::now() - std::chrono::duration_cast<Clock::duration>(half)) <= 2;
}

// The client of a network file system remembers a folder for up to a minute, also what is not
// there. Making a file has it look anew.
void refresh(const std::string& folder) {
  const std::string path = folder + "/refresh";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file >= 0) close(file);
  unlink(path.c_str());
}

// Whether every rank has a record.
bool is_complete(const std::string& folder) {
  refresh(folder);
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    names.insert(entry.path().filename().string());
  }
  for (int rank = 0; rank < recorded_ranks(); ++rank) {
    if (!names.contains(record_name(rank))) return false;
  }
  return true;
}

}  // namespace

double grace_of(double limit) {
  return std::clamp(limit / 10, 0.5, 10.0);
}

void watch_for_sign(std::string folder, double limit, std::shared_ptr<std::atomic<bool>> ended) {
  const std::chrono::duration<double> period(grace_of(limit) / 5);
  std::thread([sign = sign_in(folder), limit, period, ended = std::move(ended)] {
    while (!*ended) {
      const auto begin = Clock::now();
      std::this_thread::sleep_for(period);
      note_pause(Clock::now() - begin, limit);  // the watchdog may be later to wake up
      if (*ended || !may_have_hung(limit) || access(sign.c_str(), F_OK) != 0) continue;
      write_record(Reason::asked, "");
      return;
    }
  }).detach();
}

bool raise_sign(const std::string& folder) {
  mkdir(folder.c_str(), 0777);
  const int file = open(sign_in(folder).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file >= 0) close(file);
  return file >= 0 || errno != EEXIST;
}

std::string diagnosis_within(const std::string& folder, double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  try {
    while (Clock::now() < end && !is_complete(folder)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const FlightRecords records = read_records(folder);
    return records.count() > 0 ? diagnose(records).verdict : "";
  } catch (const std::exception&) {
    return "";
  }
}

std::string wait_to_be_ended(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return "";
}

}  // namespace sy::flight
