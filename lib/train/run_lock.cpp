// SPDX-License-Identifier: Apache-2.0
#include "lib/train/run_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/process.h"

namespace sy {
namespace {

// Differs between hosts of the same name, and between a host before and after it is restarted.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string job() {
  const char* id = std::getenv("SLURM_JOB_ID");
  return id == nullptr ? "" : fmt::format(", job {}", id);
}

// Two lines: the owner in words, and the boot of its host.
std::string this_owner() {
  char time[64] = "";
  const std::time_t now = std::time(nullptr);
  struct tm local = {};
  std::strftime(time, sizeof time, "%F %T %z", localtime_r(&now, &local));
  return fmt::format("process {} on {}, started {}{}\n{}\n", getpid(), host_name(), time, job(),
                     boot_id());
}

struct Owner {
  std::string words;
  std::string boot;
};

Owner read_owner(const std::string& path) {
  std::ifstream file(path);
  Owner owner;
  std::getline(file, owner.words);
  std::getline(file, owner.boot);
  return owner;
}

// Whether the kernel gave us the lock; `failed` if the file system has no locks.
enum class Taken { yes, no, failed };

Taken take(int file) {
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(file, F_OFD_SETLK, &whole) == 0) return Taken::yes;
  return errno == EAGAIN || errno == EACCES ? Taken::no : Taken::failed;
}

// The time of the file, after opening it anew: then a network file system asks its server.
struct timespec time_of(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  if (file >= 0) {
    fstat(file, &status);
    close(file);
  }
  return status.st_mtim;
}

bool changes_within(const std::string& path, double seconds,
                    const std::function<void()>& watching) {
  using Clock = std::chrono::steady_clock;
  const struct timespec before = time_of(path);
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  auto told = Clock::now();
  while (Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const struct timespec now = time_of(path);
    if (now.tv_sec != before.tv_sec || now.tv_nsec != before.tv_nsec) return true;
    if (!watching || Clock::now() - told < std::chrono::seconds(1)) continue;
    watching();
    told = Clock::now();
  }
  return false;
}

[[noreturn]] void refuse(const std::string& folder, const std::string& owner) {
  throw ConfigError(fmt::format(
      "{} is in use by {}: two runs in one folder would destroy each other's checkpoints; wait for "
      "its end, or set another run.name",
      folder, owner.empty() ? "another run" : owner));
}

}  // namespace

RunLock::RunLock(const std::string& folder, const Heartbeat& heartbeat,
                 const std::function<void()>& watching)
    : folder_(folder), path_(folder + "/lock"), heartbeat_(heartbeat) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw RuntimeFailure(
        fmt::format("cannot create {}: {}; choose another run.directory", folder, error.message()));
  }
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) {
    throw RuntimeFailure(fmt::format("cannot write {}: {}; check the folder's permissions", path_,
                                     std::strerror(errno)));
  }
  const Taken taken = take(file_);
  const Owner owner = read_owner(path_);
  try {
    if (taken == Taken::no) refuse(folder_, owner.words);
    if (!owner.words.empty()) {
      refuse_if_alive(owner.words, taken == Taken::yes && owner.boot == boot_id(), watching);
    }
  } catch (...) {
    close(file_);
    throw;
  }
  const std::string text = this_owner();
  if (ftruncate(file_, 0) != 0 ||
      pwrite(file_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const std::string reason = std::strerror(errno);
    close(file_);
    throw RuntimeFailure(fmt::format("cannot write {}: {}", path_, reason));
  }
  fsync(file_);  // so that other hosts can read it
  beating_ = std::thread([this] { beat(); });
}

RunLock::~RunLock() {
  {
    const std::lock_guard lock(mutex_);
    released_ = true;
  }
  changed_.notify_all();
  beating_.join();
  // Unlinking it would let a process that has opened it lock what nobody else sees.
  [[maybe_unused]] const int emptied = ftruncate(file_, 0);
  close(file_);
}

// Where the lock was free and `this_kernel` is true, no lock means no owner. Otherwise the owner's
// host may keep its locks to itself.
void RunLock::refuse_if_alive(const std::string& owner, bool this_kernel,
                              const std::function<void()>& watching) {
  if (!this_kernel) {
    log::info("{} was in use by {}: watching for {:.0f} s whether it still is", folder_, owner,
              heartbeat_.watch_seconds);
    if (changes_within(path_, heartbeat_.watch_seconds, watching)) refuse(folder_, owner);
  }
  log::info("{} was left by {}, which is gone", folder_, owner);
}

void RunLock::beat() {
  std::unique_lock lock(mutex_);
  const std::chrono::duration<double> pause(heartbeat_.every_seconds);
  while (!changed_.wait_for(lock, pause, [this] { return released_; })) futimens(file_, nullptr);
}

}  // namespace sy
