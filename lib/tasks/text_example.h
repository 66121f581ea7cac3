// SPDX-License-Identifier: Apache-2.0
// An example of a text-to-text task, before tokenisation.
#pragma once

#include <string>
#include <vector>

namespace sy {

struct TextExample {
  std::string inputs;
  std::vector<std::string> targets;  // at least one; training uses the first, scores accept any
  std::string group;  // what is scored together, such as MultiRC's question; empty: each alone
  bool right = true;  // WSC: whether the first target is the right referent
};

}  // namespace sy
