// SPDX-License-Identifier: Apache-2.0
// Records every file system call of a checkpoint in order, and can kill the process between any
// two.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/durable.h"

namespace sy::test {

struct LoggedCall {
  checkpoint::FileCall call;
  std::string path, to;
};

// Records the calls of all threads during its lifetime. Only one may exist at a time.
class FileLog {
 public:
  // The process gets SIGKILL before call number `kill_before`, from 0.
  explicit FileLog(int64_t kill_before = -1);
  ~FileLog();
  FileLog(const FileLog&) = delete;
  FileLog& operator=(const FileLog&) = delete;

  std::vector<LoggedCall> calls() const;
};

// Position of the call that gave `committed` its name; -1 if there is none.
int64_t naming_call(const std::vector<LoggedCall>& calls, const std::string& committed);

// One sentence for each rule that the calls of a commit break: a file is written before it is
// synced; a shard is synced before its record is written, and records and all files before the
// manifest; the manifest and the folder's entries are synced before the folder gets its name, and
// the parent's entries afterwards.
std::vector<std::string> order_faults(const std::vector<LoggedCall>& calls,
                                      const std::string& partial, const std::string& committed);

}  // namespace sy::test
