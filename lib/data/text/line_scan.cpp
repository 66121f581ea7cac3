// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/line_scan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

namespace sy {
namespace {

constexpr int kDeepest = 1000;
constexpr size_t kKeysNamed = 8;

struct NotJson {
  std::string why;
};

void append_utf8(std::string& text, uint32_t code) {
  const auto put = [&text](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool is_high_surrogate(uint32_t code) {
  return code >= 0xD800 && code < 0xDC00;
}
bool is_low_surrogate(uint32_t code) {
  return code >= 0xDC00 && code < 0xE000;
}

class Scanner {
 public:
  Scanner(std::string_view line, std::string_view key) : line_(line), key_(key) {}

  // Throws NotJson.
  ScannedLine scan() {
    value(0);
    const size_t end = at_;
    space();
    if (at_ < line_.size()) fail_at_second(line_.substr(end, at_ - end));
    result_.is_json = true;
    if (!result_.has_text) result_.fault = missing_text();
    return std::move(result_);
  }

 private:
  char peek() const { return at_ < line_.size() ? line_[at_] : '\0'; }

  bool take(char wanted) {
    if (at_ >= line_.size() || line_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool take(std::string_view word) {
    if (!line_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  void space() {
    while (at_ < line_.size() && std::string_view(" \t\r\n").find(line_[at_]) != line_.npos) ++at_;
  }

  [[noreturn]] void fail(std::string_view why) const {
    throw NotJson{fmt::format("the line is not JSON: {} at byte {}", why, at_ + 1)};
  }

  [[noreturn]] void fail_at_second(std::string_view between) const {
    if (between.find('\r') != between.npos) {
      throw NotJson{
          "the line is not JSON: it has more than one value, separated by carriage returns (\\r); "
          "lines must end in \\n"};
    }
    fail("more than one value, the second");
  }

  void value(int depth) {
    if (depth > kDeepest) fail(fmt::format("more than {} levels", kDeepest));
    space();
    if (depth == 0) kind_ = kind_here();
    if (peek() == '{') return object(depth);
    if (peek() == '[') return array(depth);
    if (peek() == '"') return string(nullptr);
    for (const char* word : {"true", "false", "null", "NaN", "Infinity", "-Infinity"}) {
      if (take(std::string_view(word))) return;
    }
    number();
  }

  void object(int depth) {
    take('{');
    space();
    if (take('}')) return;
    do {
      space();
      if (peek() != '"') fail("a member's name is missing");
      std::string name;
      string(&name);
      space();
      if (!take(':')) fail("a colon is missing");
      depth == 0 ? member(name) : value(depth + 1);
      space();
    } while (take(','));
    if (!take('}')) fail("an object is not closed");
  }

  // A member of the record.
  void member(const std::string& name) {
    space();
    if (name == key_ && !kind_of_text_) {
      kind_of_text_ = kind_here();
      if (peek() == '"') {
        result_.has_text = true;
        return string(&result_.text);
      }
    }
    ++others_;
    if (names_.size() < kKeysNamed) names_.push_back(name);
    value(1);
  }

  void array(int depth) {
    take('[');
    space();
    if (take(']')) return;
    do {
      value(depth + 1);
      space();
    } while (take(','));
    if (!take(']')) fail("an array is not closed");
  }

  bool digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > begin;
  }

  void number() {
    take('-');
    if (!take('0') && !digits()) fail("a value is expected");
    if (take('.') && !digits()) fail("a number has no digit after its point");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) fail("a number has no digit in its exponent");
    }
  }

  // Appends the string to `text` unless that is null.
  void string(std::string* text) {
    take('"');
    while (true) {
      if (at_ >= line_.size()) fail("a string is not closed");
      const char c = line_[at_];
      if (static_cast<unsigned char>(c) < 0x20) fail("a string holds a control character");
      ++at_;
      if (c == '"') return;
      if (c == '\\') {
        escape(text);
      } else if (text != nullptr) {
        text->push_back(c);
      }
    }
  }

  void escape(std::string* text) {
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char letter = peek();
    const size_t which = kLetters.find(letter);
    if (at_ >= line_.size() || (letter != 'u' && which == kLetters.npos)) {
      fail("a string holds an unknown escape");
    }
    ++at_;
    const uint32_t code =
        letter == 'u' ? unicode_escape() : static_cast<unsigned char>(kMeanings[which]);
    if (text != nullptr) append_utf8(*text, code);
  }

  // The character of \uXXXX, or of a surrogate pair of two of them. The first "\u" has been read.
  uint32_t unicode_escape() {
    constexpr uint32_t kReplacement = 0xFFFD;
    const uint32_t first = four_digits();
    if (is_low_surrogate(first)) return kReplacement;
    if (!is_high_surrogate(first)) return first;
    const size_t behind = at_;
    if (take(std::string_view("\\u"))) {
      const uint32_t second = four_digits();
      if (is_low_surrogate(second)) return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
      at_ = behind;  // a character of its own
    }
    return kReplacement;
  }

  uint32_t four_digits() {
    uint32_t code = 0;
    const std::string_view digits = line_.substr(at_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) {
      fail("\\u is not followed by four hexadecimal digits");
    }
    at_ += 4;
    return code;
  }

  const char* kind_here() const {
    const char c = peek();
    if (c == '{') return "an object";
    if (c == '[') return "an array";
    if (c == '"') return "a string";
    if (c == 't' || c == 'f') return "a truth value";
    return c == 'n' ? "null" : "a number";
  }

  std::string missing_text() const {
    if (kind_ != std::string_view("an object")) {
      return fmt::format(
          "the line is {} and not an object with a string `{}`; write one record a line", kind_,
          key_);
    }
    if (kind_of_text_) {
      return fmt::format("`{}` of the record is {} and not a string", key_, *kind_of_text_);
    }
    return fmt::format("the record has no string `{}`; its keys are {}{}; set data.text_key", key_,
                       names_.empty() ? "none" : fmt::format("`{}`", fmt::join(names_, "`, `")),
                       names_.size() < others_ ? ", ..." : "");
  }

  std::string_view line_, key_;
  size_t at_ = 0;
  const char* kind_ = "";                    // of the whole line
  std::optional<const char*> kind_of_text_;  // of the first member of that name
  std::vector<std::string> names_;           // of the record's first other members
  size_t others_ = 0;                        // of which there are as many
  ScannedLine result_;
};

}  // namespace

ScannedLine scan_line(std::string_view line, std::string_view key) {
  try {
    return Scanner(line, key).scan();
  } catch (const NotJson& fault) {
    ScannedLine result;
    result.fault = fault.why;
    if (line.substr(std::min(line.find_first_not_of(" \t"), line.size())).starts_with('[')) {
      result.fault += "; write one record a line instead of an array of records";
    }
    return result;
  }
}

}  // namespace sy
