// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/hang_sign.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "lib/base/error.h"
#include "lib/dist/flight/diagnosis.h"
#include "lib/dist/flight/record_file.h"

namespace sy::flight {
namespace {

std::string sign() {
  return std::string(record_folder()) + "/hang";
}

bool is_complete(const std::string& folder, int64_t ranks) {
  for (int rank = 0; rank < ranks; ++rank) {
    if (access((folder + "/" + record_name(rank)).c_str(), F_OK) != 0) return false;
  }
  return true;
}

}  // namespace

double grace_of(double limit) {
  return std::clamp(limit / 10, 0.5, 10.0);
}

bool sign_is_due(double limit) {
  static Clock::time_point last;
  const auto now = Clock::now();
  if (std::chrono::duration<double>(now - last).count() < grace_of(limit) / 5) return false;
  last = now;
  return true;
}

bool sign_is_up() {
  return access(sign().c_str(), F_OK) == 0;
}

bool raise_sign() {
  mkdir(record_folder(), 0777);
  const int file = open(sign().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file >= 0) close(file);
  return file >= 0 || errno != EEXIST;
}

std::string diagnosis_within(double seconds) {
  const std::string folder = record_folder();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  try {
    const auto ranks = static_cast<int64_t>(read_records(folder).ranks.size());
    while (Clock::now() < end && !is_complete(folder, ranks)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return diagnose(read_records(folder)).verdict;
  } catch (const std::exception&) {
    return "";
  }
}

std::string wait_to_be_ended(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return "";
}

}  // namespace sy::flight
