// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"
#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;

std::string all(std::string_view form, const std::vector<std::string>& files) {
  std::string text;
  for (const TextExample& example : read_files(form, files)) {
    text += example.inputs + " | " + example.targets.at(0) + "\n";
  }
  return text;
}

TEST_CASE("translation: a tab between sentence and translation", "[translation]") {
  CHECK(one_example("wmt_en_de", "The hen.\tDie Henne.\n") ==
        "translate English to German: The hen. | Die Henne.");
  CHECK(one_example("wmt_ro_en", "G\u0103ina.\tThe hen.\n\n\tempty\n") ==
        "translate Romanian to English: G\u0103ina. | The hen.");
  CHECK_THAT(task_fault("wmt_en_de", "The hen.\tDie Henne.\nno tab\n"),
             Catch::StartsWith("file:2: the line is not a sentence, a tab and its translation"));
}

TEST_CASE("translation: two files that end in the languages' codes", "[translation]") {
  const std::string folder = temporary_folder() + "/";
  write_file(folder + "a.de-en.en", "One.\n\nThree.\n");
  write_file(folder + "a.de-en.de", "Eins.\nZwei.\nDrei.\n");
  write_file(folder + "b.en.gz", gzip("Four.\n"));
  write_file(folder + "b.de", "Vier.\n");
  CHECK(all("wmt_en_de", {folder + "*"}) ==
        "translate English to German: One. | Eins.\n"
        "translate English to German: Three. | Drei.\n"
        "translate English to German: Four. | Vier.\n");
  CHECK(all("wmt_de_en", {folder + "b.de", folder + "b.en.gz"}) ==
        "translate German to English: Vier. | Four.\n");
  const auto fault = [&](const std::vector<std::string>& files) {
    return message_of<DataError>([&] { read_files("wmt_en_de", files); });
  };
  CHECK_THAT(fault({folder + "b.de"}), Catch::Contains("b.de has no " + folder + "b.en among"));
  write_file(folder + "b.de", "Vier.\nF\u00fcnf.\n");
  CHECK_THAT(fault({folder + "b.*"}),
             Catch::StartsWith(folder + "b.de:2: the file " + folder + "b.en.gz has no such line"));
}

}  // namespace
}  // namespace sy
