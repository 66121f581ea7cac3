// SPDX-License-Identifier: Apache-2.0
// Reads texts as the files of a task.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/tasks/text_example.h"

namespace sy::test {

// The examples that `form` makes of a file with that content.
std::vector<TextExample> read_task(std::string_view form, std::string_view content);
std::vector<TextExample> read_files(std::string_view form, const std::vector<std::string>& files);

// The only example of such a file, as "inputs | target | target".
std::string one_example(std::string_view form, std::string_view content);

// The DataError of such a file without the path of its folder, "" for none.
std::string task_fault(std::string_view form, std::string_view content);

}  // namespace sy::test
