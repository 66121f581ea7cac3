// SPDX-License-Identifier: Apache-2.0
// One run's folder, one running program: a lock that dies with its owner.
//
// The file `lock` in the folder names its owner, and is empty when there is none. The kernel holds
// a lock on it (fcntl, which network file systems pass on to their server), so a crashed owner
// leaves none. Some file systems lock within a host only, or not at all. There the owner's
// heartbeat counts: it sets the file's time every few seconds.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace sy {

// How often an owner shows that it lives, and how long another host waits to see it.
struct Heartbeat {
  double every_seconds = 5;
  double watch_seconds = 16;
};

class RunLock {
 public:
  // Locks `folder`, which is created if it does not exist. Takes over from an owner that is gone,
  // after watching it if need be; meanwhile calls `watching` every second. Throws ConfigError that
  // names a living owner, RuntimeFailure if the file cannot be written.
  explicit RunLock(const std::string& folder, const Heartbeat& heartbeat = {},
                   const std::function<void()>& watching = {});
  ~RunLock();  // releases it; the file stays, empty
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  void refuse_if_alive(const std::string& owner, bool this_kernel,
                       const std::function<void()>& watching);
  void beat();

  std::string folder_;
  std::string path_;
  Heartbeat heartbeat_;
  int file_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
  std::thread beating_;
};

}  // namespace sy
