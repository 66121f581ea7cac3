// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/scores/unicode.h"

#include <catch2/catch.hpp>

#include "lib/tasks/scores/bleu_tokens.h"

namespace sy {
namespace {

TEST_CASE("unicode: code points and back", "[unicode]") {
  const std::string text = "a\u00e9\u4e2d\U0001f600";
  CHECK(code_points(text) == U"a\u00e9\u4e2d\U0001f600");
  CHECK(utf8(code_points(text)) == text);
  // A byte that is none, a character cut short, a surrogate, an overlong form.
  CHECK(code_points("a\xff"
                    "b") == U"a\ufffdb");
  CHECK(code_points("\xe4\xb8") == U"\ufffd\ufffd");
  CHECK(code_points("\xed\xa0\x80") == U"\ufffd\ufffd\ufffd");
  CHECK(code_points("\xc0\x80") == U"\ufffd\ufffd");
  CHECK(code_points("").empty());
}

// What Python's str.lower() gives.
TEST_CASE("unicode: lower case", "[unicode]") {
  CHECK(lowered(U"The \u00c9T\u00c9 \u1E9E") == U"the \u00e9t\u00e9 \u00df");
  CHECK(lowered(U"\u0130") == U"i\u0307");
  CHECK(lowered(U"\u039f\u0394\u039f\u03a3") == U"\u03bf\u03b4\u03bf\u03c2");
  CHECK(lowered(U"\u03a3") == U"\u03c3");                            // no letter before
  CHECK(lowered(U"\u0391\u03a3\u0301.") == U"\u03b1\u03c2\u0301.");  // an accent ends no word
  CHECK(lowered(U"\u0391\u03a3'\u0391") == U"\u03b1\u03c3'\u03b1");  // nor does an apostrophe
  CHECK(lowered(U"\u0391'\u03a3 \u0391") == U"\u03b1'\u03c2 \u03b1");
}

TEST_CASE("unicode: classes of characters", "[unicode]") {
  for (const char32_t space : U"\t\n\u001f \u0085\u00a0\u2003\u2028\u3000") {
    CHECK((space == 0 || is_space(space)));
  }
  CHECK_FALSE(is_space(U'\u200b'));
  CHECK((is_word(U'\u00e9') && is_word(U'_') && is_word(U'\u00bd') && is_word(U'\u4e2d')));
  CHECK_FALSE((is_word(U'\u0301') || is_word(U'-') || is_word(U'$')));
  CHECK((is_punctuation(U'_') && is_punctuation(U'\u3002') && !is_punctuation(U'$')));
  CHECK((is_symbol(U'$') && is_symbol(U'\u2192') && is_symbol(U'^') && !is_symbol(U'%')));
  CHECK(split_words(U"\u3000a  b\n") == std::vector<std::u32string>{U"a", U"b"});
  CHECK(split_words(U" \t").empty());
}

using metrics::Tokens;

TEST_CASE("unicode: BLEU's tokens", "[unicode]") {
  CHECK(metrics::tokenise_intl("It costs 3,000.50\u20ac (now).") ==
        Tokens{"It", "costs", "3,000.50", "\u20ac", "(", "now", ")", "."});
  CHECK(metrics::tokenise_intl("in 2019.") == Tokens{"in", "2019."});  // as mteval-v14 has it
  CHECK(metrics::tokenise_intl("\u4f60\u597d\u3002") == Tokens{"\u4f60\u597d", "\u3002"});
  CHECK(metrics::tokenise_13a("It's &quot;3,000.50&quot; x-ray 5-year 2019.") ==
        Tokens{"It's", "\"", "3,000.50", "\"", "x-ray", "5", "-", "year", "2019", "."});
  CHECK(metrics::tokenise_13a("over-\nflow<skipped>\u3002") == Tokens{"overflow\u3002"});
}

}  // namespace
}  // namespace sy
