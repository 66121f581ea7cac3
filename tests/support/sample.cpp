// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace sy::test {
namespace {

Sample find() {
  const char* named = std::getenv("SWITCHYARD_SAMPLE");
  const std::string folder = named != nullptr ? named : SY_SAMPLE_FOLDER;
  if (!std::filesystem::exists(folder + "/small.model")) {
    throw std::runtime_error(folder + " does not exist; build the target test_sample");
  }
  return {folder, folder + "/c4-train.*.json.gz", folder + "/c4-validation.*.json.gz",
          folder + "/sentencepiece.model", folder + "/small.model"};
}

}  // namespace

const Sample& sample() {
  static const Sample found = find();
  return found;
}

}  // namespace sy::test
