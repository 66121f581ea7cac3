// Every change of the file system that checkpoints make, in order, and a kill between any two.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/durable.h"

namespace sy::test {

struct LoggedCall {
  checkpoint::FileCall call;
  std::string path, to;
};

// Notes all calls of all threads while it lives; one at a time.
class FileLog {
 public:
  // The process gets SIGKILL before call number `kill_before`, from 0.
  explicit FileLog(int64_t kill_before = -1);
  ~FileLog();
  FileLog(const FileLog&) = delete;
  FileLog& operator=(const FileLog&) = delete;

  std::vector<LoggedCall> calls() const;
};

// Position of the call that gave `committed` its name; -1 where there is none.
int64_t naming_call(const std::vector<LoggedCall>& calls, const std::string& committed);

// One sentence for each rule that the calls of a commit break. A file is written before it is
// synced, a shard is synced before its record is written, records and all files before the manifest
// is written; the manifest and the folder's entries are synced before the folder gets its name, the
// parent's entries after it.
std::vector<std::string> order_faults(const std::vector<LoggedCall>& calls,
                                      const std::string& partial, const std::string& committed);

}  // namespace sy::test
