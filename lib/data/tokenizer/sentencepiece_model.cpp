// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/sentencepiece_model.h"

#include <fmt/core.h>

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "lib/base/error.h"
#include "lib/base/wire_format.h"

namespace sy {
namespace {

// Field numbers of sentencepiece_model.proto.
namespace model_field {
constexpr uint32_t kPiece = 1, kTrainer = 2, kNormalizer = 3, kDenormalizer = 5;
}
namespace piece_field {
constexpr uint32_t kText = 1, kScore = 2, kType = 3;
constexpr uint64_t kUserDefined = 4;
}  // namespace piece_field
constexpr uint32_t kCharacterMap = 2;  // of a normaliser

uint32_t read_u32(std::string_view bytes, size_t index) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + 4 * index, sizeof value);
  return value;
}

// A unit of the character map's double-array trie (Darts-clone).
struct TrieUnit {
  uint32_t bits;
  bool is_value() const { return bits >> 31 != 0; }
  bool has_leaf() const { return (bits >> 8 & 1) != 0; }
  uint32_t value() const { return bits & 0x7FFFFFFF; }
  uint32_t offset() const { return (bits >> 10) << ((bits & (1u << 9)) >> 6); }
};

// From any unit, every byte must lead to a unit within the trie and every value into the
// replacements.
bool is_sound_trie(std::string_view trie, size_t replacement_bytes) {
  const size_t units = trie.size() / 4;
  if (units == 0 || trie.size() % 4 != 0) return false;
  for (size_t i = 0; i < units; ++i) {
    const TrieUnit unit{read_u32(trie, i)};
    if (unit.is_value()) continue;
    const size_t children = i ^ unit.offset();
    if ((children | 0xFF) >= units) return false;
    if (unit.has_leaf() && TrieUnit{read_u32(trie, children)}.value() >= replacement_bytes) {
      return false;
    }
  }
  return true;
}

// The map consists of the size of the trie, the trie, and the replacements, each ended by a zero.
bool is_sound_character_map(std::string_view map) {
  if (map.empty()) return true;
  static_assert(std::endian::native == std::endian::little);
  if (map.size() < 8) return false;
  const size_t trie_bytes = read_u32(map, 0);
  map.remove_prefix(4);
  if (trie_bytes >= map.size() || map.back() != '\0') return false;
  return is_sound_trie(map.substr(0, trie_bytes), map.size() - trie_bytes);
}

std::string find_piece_fault(std::string_view message) {
  WireReader reader(message);
  bool has_text = false;
  while (const auto field = reader.next()) {
    if (field->number == piece_field::kText) has_text = !field->bytes.empty();
    const auto score = std::bit_cast<float>(static_cast<uint32_t>(field->value));
    if (field->number == piece_field::kScore && !std::isfinite(score)) return "score not finite";
  }
  if (reader.broken()) return "broken";
  return has_text ? "" : "without text";
}

std::string find_normalizer_fault(std::string_view message) {
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == kCharacterMap && !is_sound_character_map(field->bytes)) {
      return "its character map is corrupt";
    }
  }
  return reader.broken() ? "its normaliser is corrupt" : "";
}

std::string read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  std::string content;
  char chunk[1 << 16];
  while (file != nullptr) {
    const size_t count = std::fread(chunk, 1, sizeof chunk, file.get());
    content.append(chunk, count);
    if (count < sizeof chunk) break;
  }
  if (file == nullptr || std::ferror(file.get()) != 0) {
    throw DataError(fmt::format("the tokenizer {} cannot be read ({}); correct data.tokenizer",
                                path, std::strerror(errno)));
  }
  return content;
}

// What stands where a model was meant, and what to give instead; "" if neither is known.
std::string describe_other(const std::string& path, std::string_view content) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    for (const char* name : {"tokenizer.model", "spiece.model", "sentencepiece.model"}) {
      if (std::filesystem::exists(path + "/" + name, ignored)) {
        return fmt::format("it is a folder; give its {}", name);
      }
    }
    return "it is a folder; give a SentencePiece model";
  }
  if (content.starts_with("version https://git-lfs.github.com/spec/")) {
    return "it is a Git LFS pointer; fetch the file itself with `git lfs pull`";
  }
  if (content.starts_with('{')) {
    return "it is JSON (a tokenizer.json?); give the SentencePiece model, which Hugging Face calls "
           "spiece.model";
  }
  return "";
}

}  // namespace

std::string find_model_fault(std::string_view model) {
  if (model.empty()) return "it is empty";
  WireReader reader(model);
  int64_t pieces = 0;
  bool has_trainer = false, has_normalizer = false;
  while (const auto field = reader.next()) {
    std::string fault;
    if (field->number == model_field::kPiece) {
      fault = find_piece_fault(field->bytes);
      if (!fault.empty()) return fmt::format("piece {} is corrupt ({})", pieces, fault);
      ++pieces;
    } else if (field->number == model_field::kTrainer) {
      has_trainer = true;
    } else if (field->number == model_field::kNormalizer ||
               field->number == model_field::kDenormalizer) {
      has_normalizer |= field->number == model_field::kNormalizer;
      fault = find_normalizer_fault(field->bytes);
      if (!fault.empty()) return fault;
    }
  }
  if (reader.broken()) return "it is cut off or corrupt";
  if (pieces == 0) return "it has no pieces";
  if (!has_trainer || !has_normalizer) return "it is cut off before its trainer and normaliser";
  return "";
}

std::string read_sentencepiece_model(const std::string& path) {
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    throw DataError(fmt::format("the tokenizer {} is not a SentencePiece model: {}", path,
                                describe_other(path, "")));
  }
  std::string model = read_file(path);
  const std::string fault = find_model_fault(model);
  if (const std::string other = describe_other(path, model); !fault.empty() && !other.empty()) {
    throw DataError(fmt::format("the tokenizer {} is not a SentencePiece model: {}", path, other));
  }
  if (!fault.empty()) {
    throw DataError(fmt::format(
        "the tokenizer {} is not a valid SentencePiece model: {}; fetch or train it again", path,
        fault));
  }
  return model;
}

std::string sentinel_piece(int64_t k) {
  return fmt::format("\u2581<extra_id_{}>", k);
}

void append_sentinels(std::string& model, int64_t count) {
  for (int64_t k = count - 1; k >= 0; --k) {
    std::string piece;
    append_bytes_field(piece, piece_field::kText, sentinel_piece(k));
    // The score is 0, the default. It is written explicitly because T5's own models do so.
    append_varint(piece, piece_field::kScore << 3 | 5);
    piece.append(4, '\0');
    append_varint(piece, piece_field::kType << 3);
    append_varint(piece, piece_field::kUserDefined);
    append_bytes_field(model, model_field::kPiece, piece);
  }
}

}  // namespace sy
