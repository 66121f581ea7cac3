// SPDX-License-Identifier: Apache-2.0
#include "lib/data/stream_state.h"

#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// Layout: magic, version, node. A node is
//   the kind: its length, then one word per character;
//   stream, examples, and how many numbers, tokens, buffers and parts follow;
//   the numbers; the tokens;
//   for each buffer the number of documents and, for each document, its length (one word) and ids;
//   the nodes of the parts.
// Numbers and counts are two words each, low word first, except where noted.
constexpr int32_t kMagic = 0x53595353;
constexpr int32_t kVersion = 2;
constexpr int kDeepest = 8;  // nesting of parts
constexpr int64_t kLongestKind = 64;

void put_wide(std::vector<int32_t>& values, int64_t value) {
  values.push_back(static_cast<int32_t>(static_cast<uint64_t>(value) & 0xFFFFFFFF));
  values.push_back(static_cast<int32_t>(value >> 32));
}

void put_documents(std::vector<int32_t>& values, const std::vector<Document>& documents) {
  put_wide(values, narrow<int64_t>(documents.size()));
  for (const Document& document : documents) {
    values.push_back(narrow<int32_t>(document->size()));
    values.insert(values.end(), document->begin(), document->end());
  }
}

void put_node(std::vector<int32_t>& values, const StreamState& state) {
  values.push_back(narrow<int32_t>(state.kind.size()));
  values.insert(values.end(), state.kind.begin(), state.kind.end());
  put_wide(values, state.stream);
  put_wide(values, state.examples);
  for (const size_t count :
       {state.numbers.size(), state.tokens.size(), state.buffers.size(), state.parts.size()}) {
    put_wide(values, narrow<int64_t>(count));
  }
  for (const int64_t number : state.numbers) put_wide(values, number);
  values.insert(values.end(), state.tokens.begin(), state.tokens.end());
  for (const auto& documents : state.buffers) put_documents(values, documents);
  for (const StreamState& part : state.parts) put_node(values, part);
}

class Cursor {
 public:
  Cursor(const std::vector<int32_t>& values, const std::string& name)
      : values_(values), name_(name) {}

  int32_t word() {
    require(left() >= 1, "it ends early");
    return values_[next_++];
  }

  // A number that must not be negative.
  int64_t wide() {
    const auto low = static_cast<uint32_t>(word()), high = static_cast<uint32_t>(word());
    const auto value = static_cast<int64_t>(static_cast<uint64_t>(high) << 32 | low);
    require(value >= 0, "a number is negative");
    return value;
  }

  // The number of items that follow, each of at least one word.
  size_t count() {
    const int64_t value = wide();
    require(value <= left(), "it ends early");
    return static_cast<size_t>(value);
  }

  std::span<const int32_t> ids(size_t count) {
    require(count <= static_cast<size_t>(left()), "it ends early");
    const auto result = std::span(values_).subspan(next_, count);
    next_ += count;
    for (const int32_t id : result) require(id >= 0, "a token id is negative");
    return result;
  }

  int64_t left() const { return static_cast<int64_t>(values_.size() - next_); }

  void require(bool condition, const char* fault) const {
    if (condition) return;
    throw DataError(
        fmt::format("{} is not the position of a data stream: {} (at word {} of {}); resume from "
                    "another checkpoint",
                    name_, fault, next_, values_.size()));
  }

 private:
  const std::vector<int32_t>& values_;
  const std::string& name_;
  size_t next_ = 0;
};

std::string take_kind(Cursor& cursor) {
  const int32_t length = cursor.word();
  cursor.require(length >= 0 && length <= kLongestKind, "a name is too long");
  std::string kind;
  for (int32_t i = 0; i < length; ++i) {
    const int32_t character = cursor.word();
    cursor.require(character > ' ' && character <= '~', "a name has an odd character");
    kind.push_back(static_cast<char>(character));
  }
  return kind;
}

std::vector<Document> take_documents(Cursor& cursor) {
  std::vector<Document> documents(cursor.count());
  for (Document& document : documents) {
    const int32_t length = cursor.word();
    cursor.require(length > 0, "a document is empty");
    document = make_document(cursor.ids(static_cast<size_t>(length)));
  }
  return documents;
}

StreamState take_node(Cursor& cursor, int depth) {
  cursor.require(depth <= kDeepest, "its parts lie too deep");
  StreamState state;
  state.kind = take_kind(cursor);
  state.stream = cursor.wide();
  state.examples = cursor.wide();
  const size_t numbers = cursor.count(), tokens = cursor.count(), buffers = cursor.count(),
               parts = cursor.count();
  for (size_t i = 0; i < numbers; ++i) state.numbers.push_back(cursor.wide());
  const std::span<const int32_t> ids = cursor.ids(tokens);
  state.tokens.assign(ids.begin(), ids.end());
  for (size_t i = 0; i < buffers; ++i) state.buffers.push_back(take_documents(cursor));
  for (size_t i = 0; i < parts; ++i) state.parts.push_back(take_node(cursor, depth + 1));
  return state;
}

void require_same(const StreamState& state, bool condition, const std::string& fault) {
  if (condition) return;
  throw DataError(fmt::format(
      "the saved position of data stream {} {}; resume with the configuration that it was saved "
      "with",
      state.stream, fault));
}

}  // namespace

void apply_change(const BufferChange& change, std::vector<Document>& buffer) {
  const auto& [place, document] = change;
  SY_CHECK(place < buffer.size() + (document == nullptr ? 0 : 1), "place {} of {}", place,
           buffer.size());
  if (document == nullptr) {
    std::swap(buffer[place], buffer.back());
    buffer.pop_back();
  } else if (place == buffer.size()) {
    buffer.push_back(document);
  } else {
    buffer[place] = document;
  }
}

void apply(StreamStep& step, StreamState& state) {
  SY_CHECK(step.changes.size() == state.buffers.size() && step.parts.size() == state.parts.size(),
           "a step of {} buffers and {} parts for a state of {} and {}", step.changes.size(),
           step.parts.size(), state.buffers.size(), state.parts.size());
  state.examples = step.examples;
  state.numbers.swap(step.numbers);
  state.tokens.swap(step.tokens);
  for (size_t i = 0; i < state.buffers.size(); ++i) {
    for (const BufferChange& change : step.changes[i]) apply_change(change, state.buffers[i]);
    step.changes[i].clear();
  }
  for (size_t i = 0; i < state.parts.size(); ++i) apply(step.parts[i], state.parts[i]);
}

std::vector<int32_t> serialize(const StreamState& state) {
  std::vector<int32_t> values = {kMagic, kVersion};
  put_node(values, state);
  return values;
}

StreamState parse_stream_state(const std::vector<int32_t>& values, const std::string& name) {
  Cursor cursor(values, name);
  cursor.require(cursor.word() == kMagic, "it has no valid beginning");
  const int32_t version = cursor.word();
  if (version != kVersion) {
    throw DataError(fmt::format(
        "{} is the position of a data stream in version {} of its format, and this program reads "
        "version {}; resume with the program that saved it",
        name, version, kVersion));
  }
  StreamState state = take_node(cursor, 0);
  cursor.require(cursor.left() == 0, "there are words after its end");
  return state;
}

void check_kind(const StreamState& state, const std::string& kind, size_t numbers, size_t buffers,
                size_t parts) {
  require_same(
      state, state.kind == kind,
      fmt::format("is of a source of the kind '{}', but '{}' is configured", state.kind, kind));
  require_same(state,
               state.numbers.size() == numbers && state.buffers.size() == buffers &&
                   state.parts.size() == parts,
               fmt::format("has {} numbers, {} buffers and {} parts, but '{}' needs {}, {} and {}",
                           state.numbers.size(), state.buffers.size(), state.parts.size(), kind,
                           numbers, buffers, parts));
}

void check_capacity(const StreamState& state, size_t buffer, size_t capacity, const char* key) {
  const size_t held = state.buffers.at(buffer).size();
  require_same(state, held <= capacity,
               fmt::format("holds {} documents, more than {} ({})", held, key, capacity));
}

void check_pieces(const StreamState& state, int64_t pieces) {
  const auto check = [&](std::span<const int32_t> ids) {
    for (const int32_t id : ids) {
      if (id >= 0 && id < pieces) continue;
      require_same(
          state, false,
          fmt::format("holds token {}, which the tokenizer of {} pieces lacks", id, pieces));
    }
  };
  check(state.tokens);
  for (const auto& buffer : state.buffers) {
    for (const Document& document : buffer) check(*document);
  }
}

}  // namespace sy
