// A folder that appears whole or not at all: written as PATH.partial, renamed to PATH at the end.
#pragma once

#include <string>

namespace sy::convert {

class OutputFolder {
 public:
  // Throws ConfigError where PATH exists already. What an earlier, killed attempt left under
  // PATH.partial is removed.
  explicit OutputFolder(const std::string& path);
  ~OutputFolder();  // removes an uncommitted folder
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::string& partial() const { return partial_; }
  // The folder's files are durable already; its name is when this returns.
  void commit();
  // `commit_at(partial, path)` does that instead.
  template <class Commit>
  void commit_by(const Commit& commit_at) {
    commit_at(partial_, path_);
    committed_ = true;
  }

 private:
  std::string path_, partial_;
  bool committed_ = false;
};

}  // namespace sy::convert
