// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/text_rules.h"

#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("text_rules: spaces around punctuation, also at the ends", "[text_rules]") {
  CHECK(pad_punctuation("He said: \"No\" (twice).") == "He said : \" No \" ( twice ) . ");
  CHECK(pad_punctuation("$5.50") == " $ 5 . 50");
  CHECK(pad_punctuation("a_b~c") == "a _ b ~ c");
  CHECK(pad_punctuation("caf\u00e9 \u2013 na\u00efve\u2026") ==
        "caf\u00e9 \u2013 na\u00efve\u2026");  // only ASCII is punctuation
  CHECK(pad_punctuation("") == "");
}

TEST_CASE("text_rules: white space of RE2", "[text_rules]") {
  CHECK(collapse_spaces("a \t\r\n\f b  ") == "a b ");
  CHECK(collapse_spaces("a\v \u00a0b") == "a\v \u00a0b");  // neither is \s
}

TEST_CASE("text_rules: strip takes what Python calls white space", "[text_rules]") {
  CHECK(strip(" \u00a0\t a b\u2003\u3000\x1f\v ") == "a b");
  CHECK(strip("\u200b") == "\u200b");  // which Python does not
  CHECK(strip(" \u2028 ") == "");
  CHECK(strip("\u00e0") == "\u00e0");
}

TEST_CASE("text_rules: split and replace", "[text_rules]") {
  CHECK(split("a\t\tb\t", '\t') == std::vector<std::string_view>{"a", "", "b", ""});
  CHECK(split("", '\t') == std::vector<std::string_view>{""});
  std::string text = "<br><br>x<br>";
  replace_all(text, "<br>", " <br> ");
  CHECK(text == " <br>  <br> x <br> ");
}

}  // namespace
}  // namespace sy
