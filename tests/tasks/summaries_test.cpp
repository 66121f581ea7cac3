// SPDX-License-Identifier: Apache-2.0
// XSum and CNN/Daily Mail.
#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"
#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("summaries: XSum's documents as they are", "[summaries]") {
  CHECK(one_example("xsum", R"({"document": "One.\nTwo.", "summary": "Three.", "id": "1"})") ==
        "summarize: One.\nTwo. | Three.");
}

TEST_CASE("summaries: a story's lines, ended and joined", "[summaries]") {
  CHECK(one_example(
            "cnn_dailymail",
            "(CNN) It rained\n\n  \"So it did.\"\u00a0\nHe left \u201cnow\u201d\nSee \u00bb\n\n"
            "@highlight\n\nNEW: It rained\n\n@highlight\n\nHe left!") ==
        "summarize: (CNN) It rained. \"So it did.\" He left \u201cnow\u201d See \u00bb. | "
        "NEW: It rained.\nHe left!");
}

TEST_CASE("summaries: folders of stories, some without a part", "[summaries]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/b.story", "Second.\n@highlight\nS.\n");
  write_file(folder + "/a.story", "First.\n@highlight\nF.\n");
  write_file(folder + "/c.story", "No highlights.\n");
  write_file(folder + "/d.story", "@highlight\nNo article.\n");
  write_file(folder + "/urls.txt", "not a story\n");
  const auto examples = read_files("cnn_dailymail", {folder});
  REQUIRE(examples.size() == 2);
  CHECK(examples[0].inputs == "summarize: First.");
  CHECK(examples[1].targets == std::vector<std::string>{"S."});
  CHECK_THAT(message_of<DataError>([&] { read_files("cnn_dailymail", {folder + "/[cd].story"}); }),
             Catch::StartsWith(folder + "/c.story: neither this file nor any other of 2 has both"));
}

}  // namespace
}  // namespace sy
