// Runs part of a test in a forked process: one that may be killed, or that changes what only a
// whole process can change (limits, mounts).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sy::test {

// What `work` returned in a child, or the text of the Error it threw; nothing if the child died.
// No other thread may run at the time of the call.
std::optional<std::string> run_in_child(const std::function<std::string()>& work);

// Starts `work` in a child, kills it with SIGKILL after `microseconds`, and waits for its end.
void kill_child_after(int64_t microseconds, const std::function<void()>& work);

// For use within a child: an in-memory file system of `bytes` at `folder`, gone with the process.
// False where this system does not let us.
bool mount_small_disk(const std::string& folder, int64_t bytes);

// For use within a child: writes beyond `bytes` of any file fail.
void limit_file_size(int64_t bytes);

}  // namespace sy::test
