// SPDX-License-Identifier: Apache-2.0
// A folder that appears either complete or not at all: it is written as PATH.partial and finally
// renamed to PATH.
#pragma once

#include <string>

namespace sy::convert {

class OutputFolder {
 public:
  // Throws ConfigError if PATH exists. Removes what a killed attempt may have left at PATH.partial.
  explicit OutputFolder(const std::string& path);
  ~OutputFolder();  // removes an uncommitted folder
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::string& partial() const { return partial_; }
  // Expects the folder's files to be durable, and makes its name durable too.
  void commit();
  // The same, done by `commit_at(partial, path)`.
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
