// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/task_files.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("task_files: patterns in their order, names sorted, each once", "[task_files]") {
  const std::string folder = temporary_folder() + "/";
  for (const char* name : {"b.tsv", "a.tsv", "c.txt"}) write_file(folder + name, "x\n");
  CHECK(task_files({folder + "c.txt", folder + "*.tsv", folder + "b.*"}) ==
        std::vector<std::string>{folder + "c.txt", folder + "a.tsv", folder + "b.tsv"});
  CHECK_THAT(message_of<DataError>([&] { task_files({folder + "*.json"}); }),
             Catch::StartsWith("'" + folder + "*.json' matches no file"));
}

TEST_CASE("task_files: lines, their places, marks and ends", "[task_files]") {
  const std::string folder = temporary_folder() + "/";
  write_file(folder + "a", "\xEF\xBB\xBFone\r\n\n two \n");
  write_file(folder + "b.gz", gzip("three\nfour"));
  write_file(folder + "c", zstd("five\n"));
  TextLines lines({folder + "a", folder + "b.gz", folder + "c"});
  std::string seen;
  for (std::string_view line; lines.next(line);) {
    seen += fmt::format("{}{}:{}|", lines.begins_file() ? "*" : "", lines.place().line, line);
  }
  CHECK(seen == "*1:one|2:|3: two |*1:three|2:four|*1:five|");
}

TEST_CASE("task_files: files without text, or not of text", "[task_files]") {
  const std::string folder = temporary_folder() + "/";
  const auto fault = [&](std::string_view content) {
    write_file(folder + "x", content);
    TextLines lines({folder + "x"});
    std::string_view line;
    return message_of<DataError>([&] {
      while (lines.next(line)) continue;
    });
  };
  CHECK_THAT(fault(""), Catch::StartsWith("the file " + folder + "x is empty; "));
  CHECK_THAT(fault("\n \r\n"), Catch::Contains("is empty"));
  CHECK_THAT(fault("ok\n\xFF\n"), Catch::StartsWith(folder + "x:2: the line is not valid UTF-8"));
  CHECK_THAT(fault(gzip("a\nb\n").substr(0, 12)), Catch::Contains("gzip data that is cut off"));
  CHECK_THAT(fault("PAR1...."), Catch::Contains("is a Parquet file"));
}

}  // namespace
}  // namespace sy
