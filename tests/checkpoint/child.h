// SPDX-License-Identifier: Apache-2.0
// Runs part of a test in a forked process, which may be killed or change per-process settings such
// as limits and mounts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sy::test {

// Runs `work` in a child. Returns its result, or the text of the Error it threw; nothing if the
// child died. No other thread may be running.
std::optional<std::string> run_in_child(const std::function<std::string()>& work);

// Starts `work` in a child, kills it with SIGKILL after `microseconds`, and waits for its end.
void kill_child_after(int64_t microseconds, const std::function<void()>& work);

// For use in a child: mounts an in-memory file system of `bytes` at `folder`, which disappears with
// the process. False if the system does not permit it.
bool mount_small_disk(const std::string& folder, int64_t bytes);

// For use in a child: makes writes beyond `bytes` of any file fail.
void limit_file_size(int64_t bytes);

}  // namespace sy::test
