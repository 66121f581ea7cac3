// SPDX-License-Identifier: Apache-2.0
// The definition of a unigram model: of all segmentations of a text into pieces of the model, it
// chooses the one with the largest sum of scores (Kudo 2018). This test parses the model itself,
// without SentencePiece.
#include <bit>
#include <catch2/catch.hpp>
#include <map>

#include "lib/base/wire_format.h"
#include "lib/data/tokenizer/tokenizer.h"
#include "tests/data/support.h"
#include "tests/support/sample.h"
#include "tests/support/sample_text.h"

namespace sy {
namespace {
using namespace test;

struct Piece {
  int32_t id;
  double score;
};

// The pieces that a text may be segmented into: all but pad, eos and unk.
std::map<std::string, Piece> pieces_of(const std::string& path) {
  std::map<std::string, Piece> pieces;
  const std::string model = read_file(path);
  WireReader reader(model);
  int32_t id = 0;
  while (const auto field = reader.next()) {
    if (field->number != 1) continue;
    std::string text;
    double score = 0;
    WireReader piece(field->bytes);
    while (const auto part = piece.next()) {
      if (part->number == 1) text = part->bytes;
      if (part->number == 2) score = std::bit_cast<float>(static_cast<uint32_t>(part->value));
    }
    if (id > 2) pieces[text] = {id, score};
    ++id;
  }
  return pieces;
}

// The text as the pieces spell it: a mark before each word, whatever separated the words.
std::string marked(const std::string& text) {
  std::string result;
  bool between = true;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n';
    if (!blank && between) result += "\u2581";
    if (!blank) result += c;
    between = blank;
  }
  return result;
}

// Largest sum of scores over all segmentations of `text`.
double best_score(const std::map<std::string, Piece>& pieces, const std::string& text) {
  constexpr double kNone = -1e30;
  std::vector<double> best(text.size() + 1, kNone);
  best[0] = 0;
  for (size_t begin = 0; begin < text.size(); ++begin) {
    if (best[begin] == kNone) continue;
    for (size_t end = begin + 1; end <= text.size() && end - begin <= 64; ++end) {
      const auto piece = pieces.find(text.substr(begin, end - begin));
      if (piece == pieces.end()) continue;
      best[end] = std::max(best[end], best[begin] + piece->second.score);
    }
  }
  return best.back();
}

TEST_CASE("tokenizer: of all ways to cut a text, the one of the largest score", "[tokenizer]") {
  const std::string path = GENERATE(sample().tokenizer, sample().small_tokenizer);
  const auto pieces = pieces_of(path);
  const Tokenizer tokenizer(path, 100);
  REQUIRE(static_cast<int64_t>(pieces.size()) + 3 + 100 == tokenizer.size());
  for (uint32_t i = 0; i < 100; ++i) {
    const std::string text = sample_document(4, i), wanted = marked(text);  // not trained on
    std::string cut;
    double score = 0;
    for (const int32_t id : tokenizer.encode(text)) {
      const std::string piece = tokenizer.piece(id);
      CAPTURE(i, piece);
      REQUIRE(pieces.contains(piece));
      CHECK(pieces.at(piece).id == id);
      cut += piece;
      score += pieces.at(piece).score;
    }
    CAPTURE(i, text);
    CHECK(cut == wanted);
    CHECK(score == Approx(best_score(pieces, wanted)).epsilon(1e-6));  // sums there are float32
    CHECK(marked(tokenizer.decode(tokenizer.encode(text))) == wanted);
  }
}

}  // namespace
}  // namespace sy
