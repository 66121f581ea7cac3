// SPDX-License-Identifier: Apache-2.0
#include "cmd/text_lines.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "lib/base/error.h"
#include "lib/dist/launcher.h"

namespace sy {

void for_each_line(
    const std::string& path,
    const std::function<void(const std::string& line, const std::string& place)>& use) {
  const bool is_input = path == "-";
  if (is_input && launched_ranks() > 1) {
    throw ConfigError(
        "standard input (-) reaches rank 0 alone; write it to a file that every rank can read, or "
        "start one rank");
  }
  std::ifstream file;
  if (!is_input) file.open(path);
  if (!is_input && !file) {
    throw DataError(fmt::format("{} cannot be opened; give a readable file", path));
  }
  std::istream& stream = is_input ? std::cin : file;
  const std::string name = is_input ? "standard input" : path;
  int64_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    if (number == 0 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // byte order mark
    if (line.ends_with('\r')) line.pop_back();
    use(line, fmt::format("line {} of {}", ++number, name));
  }
  if (stream.bad()) {
    throw DataError(fmt::format("{} cannot be read beyond line {} ({}); give a readable text file",
                                name, number, std::strerror(errno)));
  }
}

}  // namespace sy
