// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "lib/base/numeric.h"
#include "lib/base/objective_plan.h"
#include "lib/data/tokenizer/vocabulary.h"

namespace sy {
namespace {

constexpr int32_t kPad = 0, kEos = 1, kUnk = 2, kFirstByte = 3, kBytes = 256;
constexpr int32_t kFirstSentinel = kFirstByte + kBytes;
constexpr const char* kSpecials[] = {"<pad>", "</s>", "<unk>"};

class Bytes : public Vocabulary {
 public:
  explicit Bytes(int64_t extra_ids) {
    eos = kEos;
    unk = kUnk;
    pad = kPad;
    for (int64_t k = 0; k < extra_ids; ++k) {
      sentinels.push_back(narrow<int32_t>(kFirstSentinel + k));
    }
  }

  int64_t size() const override { return kFirstSentinel + std::ssize(sentinels); }

  // A sentinel that the text spells out is one id, as it is for SentencePiece.
  void encode(std::string_view text, std::vector<int32_t>& ids) const override {
    ids.clear();
    while (!text.empty()) {
      if (const auto [sentinel, length] = sentinel_at(text); length > 0) {
        ids.push_back(sentinel);
        text.remove_prefix(length);
      } else {
        ids.push_back(kFirstByte + static_cast<unsigned char>(text.front()));
        text.remove_prefix(1);
      }
    }
  }

  std::vector<std::string> pieces(std::string_view text) const override {
    std::vector<int32_t> ids;
    encode(text, ids);
    std::vector<std::string> pieces;
    pieces.reserve(ids.size());
    for (const int32_t id : ids) pieces.push_back(piece(id));
    return pieces;
  }

  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    for (const int32_t id : ids) {
      if (id >= kFirstSentinel) {
        text += piece(id);
      } else if (id >= kFirstByte) {
        text.push_back(static_cast<char>(id - kFirstByte));
      }
    }
    return text;
  }

  // Printable ASCII stands for itself, another byte is written as SentencePiece does: <0x0A>.
  std::string piece(int32_t id) const override {
    if (id < kFirstByte) return kSpecials[id];
    if (id >= kFirstSentinel) return fmt::format("<extra_id_{}>", id - kFirstSentinel);
    const int32_t byte = id - kFirstByte;
    if (byte >= ' ' && byte <= '~') return {static_cast<char>(byte)};
    return fmt::format("<0x{:02X}>", byte);
  }

  std::optional<int32_t> find_piece(const std::string& wanted) const override {
    for (int32_t id = 0; id < narrow<int32_t>(size()); ++id) {
      if (piece(id) == wanted) return id;
    }
    return std::nullopt;
  }

 private:
  // The sentinel that the text begins with, and the length of its name; 0 if it does not.
  std::pair<int32_t, size_t> sentinel_at(std::string_view text) const {
    if (text.front() != '<') return {};
    const size_t end = text.find('>');
    if (end == std::string_view::npos) return {};
    const int64_t number = sentinel_in_text(std::string(text.substr(0, end + 1)));
    if (number < 0 || number >= std::ssize(sentinels)) return {};
    return {sentinels[static_cast<size_t>(number)], end + 1};
  }
};

class Ids : public Vocabulary {
 public:
  Ids(int64_t size, int64_t extra_ids, int32_t pad_id, int32_t eos_id) : size_(size) {
    eos = eos_id;
    unk = pad_id;
    pad = pad_id;
    for (int64_t k = 0; k < extra_ids; ++k) sentinels.push_back(narrow<int32_t>(size - 1 - k));
  }

  int64_t size() const override { return size_; }
  void encode(std::string_view, std::vector<int32_t>&) const override { refuse(); }
  std::vector<std::string> pieces(std::string_view) const override { refuse(); }

  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    for (const int32_t id : ids) text += (text.empty() ? "" : " ") + piece(id);
    return text;
  }

  std::string piece(int32_t id) const override { return fmt::format("{}", id); }

  std::optional<int32_t> find_piece(const std::string& piece) const override {
    int32_t id = 0;
    const char* const last = piece.data() + piece.size();
    const auto [end, error] = std::from_chars(piece.data(), last, id);
    const bool whole = error == std::errc() && end == last;
    return whole && id >= 0 && id < size_ ? std::optional<int32_t>(id) : std::nullopt;
  }

 private:
  [[noreturn]] static void refuse() {
    throw InternalError("a text is encoded with a vocabulary of bare ids");
  }

  int64_t size_;
};

}  // namespace

std::unique_ptr<Vocabulary> make_bytes(int64_t extra_ids) {
  return std::make_unique<Bytes>(extra_ids);
}

std::unique_ptr<Vocabulary> make_ids(int64_t size, int64_t extra_ids, int32_t pad, int32_t eos) {
  return std::make_unique<Ids>(size, extra_ids, pad, eos);
}

}  // namespace sy
