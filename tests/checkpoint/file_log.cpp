// SPDX-License-Identifier: Apache-2.0
#include "tests/checkpoint/file_log.h"

#include <csignal>
#include <filesystem>
#include <mutex>

namespace sy::test {
using checkpoint::FileCall;
namespace fs = std::filesystem;
namespace {

std::mutex mutex;
std::vector<LoggedCall> noted;
int64_t kill_at = -1;

void note(FileCall call, const std::string& path, const std::string& to) {
  const std::lock_guard lock(mutex);
  if (static_cast<int64_t>(noted.size()) == kill_at) raise(SIGKILL);
  noted.push_back({call, path, to});
}

// The calls of one commit, searched by position; -1 is before all of them.
class Calls {
 public:
  Calls(const std::vector<LoggedCall>& calls, int64_t end) : calls_(calls), end_(end) {}

  int64_t first(FileCall call, const std::string& path, int64_t after = -1) const {
    for (int64_t i = after + 1; i < end_; ++i) {
      if (at(i).call == call && at(i).path == path) return i;
    }
    return end_;
  }
  int64_t last(FileCall call, const std::string& path) const {
    for (int64_t i = end_ - 1; i >= 0; --i) {
      if (at(i).call == call && at(i).path == path) return i;
    }
    return -1;
  }
  // The last one that adds or removes an entry of the folder.
  int64_t last_change_in(const std::string& folder) const {
    for (int64_t i = end_ - 1; i >= 0; --i) {
      if (at(i).call == FileCall::sync) continue;
      if (fs::path(at(i).path).parent_path() == folder) return i;
    }
    return -1;
  }

 private:
  const LoggedCall& at(int64_t i) const { return calls_[static_cast<size_t>(i)]; }
  const std::vector<LoggedCall>& calls_;
  int64_t end_;
};

}  // namespace

FileLog::FileLog(int64_t kill_before) {
  const std::lock_guard lock(mutex);
  noted.clear();
  kill_at = kill_before;
  checkpoint::observe_files(note);
}

FileLog::~FileLog() {
  checkpoint::observe_files(nullptr);
}

std::vector<LoggedCall> FileLog::calls() const {
  const std::lock_guard lock(mutex);
  return noted;
}

int64_t naming_call(const std::vector<LoggedCall>& calls, const std::string& committed) {
  for (int64_t i = static_cast<int64_t>(calls.size()) - 1; i >= 0; --i) {
    if (calls[static_cast<size_t>(i)].to == committed) return i;
  }
  return -1;
}

std::vector<std::string> order_faults(const std::vector<LoggedCall>& calls,
                                      const std::string& partial, const std::string& committed) {
  const int64_t named = naming_call(calls, committed);
  if (named < 0) return {committed + " is given to no folder"};
  std::vector<std::string> faults;
  const auto require = [&faults](bool rule, const std::string& path, const char* broken) {
    if (!rule) faults.push_back(path + " " + broken);
  };
  const Calls before(calls, named), all(calls, static_cast<int64_t>(calls.size()));
  const auto synced = [&](const std::string& path) {
    return before.first(FileCall::sync, path, before.last(FileCall::write, path));
  };
  const int64_t manifest = before.first(FileCall::write, partial + "/manifest.json");
  for (const auto& entry : fs::directory_iterator(committed)) {
    const fs::path name = entry.path().filename();
    const std::string path = partial + "/" + name.string();
    require(before.last(FileCall::write, path) >= 0, path, "was not seen to be written");
    require(synced(path) < named, path, "is not synced before the folder gets its name");
    if (name == "manifest.json") continue;
    require(synced(path) < manifest, path, "is not synced before the manifest");
    if (!name.string().starts_with("shard-")) continue;
    const std::string record = fs::path(path).replace_extension(".json");
    require(synced(path) < before.first(FileCall::write, record), path,
            "is not synced before its record");
    require(synced(record) < manifest, record, "is not synced before the manifest");
  }
  require(before.first(FileCall::sync, partial, before.last_change_in(partial)) < named, partial,
          "is not synced before it gets its name");
  const std::string parent = fs::path(committed).parent_path();
  require(all.first(FileCall::sync, parent, named) < static_cast<int64_t>(calls.size()), parent,
          "is not synced after the name");
  return faults;
}

}  // namespace sy::test
