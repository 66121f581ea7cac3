#include "lib/data/stream_state.h"

#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// Layout: magic, version; stream, slot, record, draws, examples, ids left over, documents (two
// words each, low first); the left over ids; for each document its length (one word) and its ids.
constexpr int32_t kMagic = 0x53595353;
constexpr int32_t kVersion = 1;

void put_wide(std::vector<int32_t>& values, int64_t value) {
  values.push_back(static_cast<int32_t>(static_cast<uint64_t>(value) & 0xFFFFFFFF));
  values.push_back(static_cast<int32_t>(value >> 32));
}

class Cursor {
 public:
  Cursor(const std::vector<int32_t>& values, const std::string& name)
      : values_(values), name_(name) {}

  int32_t word() {
    require(left() >= 1, "it ends early");
    return values_[next_++];
  }

  // A count or number: not negative.
  int64_t wide() {
    const auto low = static_cast<uint32_t>(word()), high = static_cast<uint32_t>(word());
    const auto value = static_cast<int64_t>(static_cast<uint64_t>(high) << 32 | low);
    require(value >= 0, "a number is negative");
    return value;
  }

  std::span<const int32_t> ids(int64_t count) {
    require(count <= left(), "it ends early");
    const auto result = std::span(values_).subspan(next_, static_cast<size_t>(count));
    next_ += static_cast<size_t>(count);
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

}  // namespace

void apply(StreamStep& step, StreamState& state) {
  state.slot = step.slot;
  state.record = step.record;
  state.draws = step.draws;
  state.examples = step.examples;
  state.leftover.swap(step.leftover);
  for (auto& [place, document] : step.placed) {
    SY_CHECK(place <= state.buffer.size(), "place {} of {}", place, state.buffer.size());
    if (place == state.buffer.size()) state.buffer.emplace_back();
    state.buffer[place] = std::move(document);
  }
  step.placed.clear();
}

std::vector<int32_t> serialize(const StreamState& state) {
  std::vector<int32_t> values = {kMagic, kVersion};
  for (const int64_t value :
       {state.stream, state.slot, state.record, state.draws, state.examples,
        narrow<int64_t>(state.leftover.size()), narrow<int64_t>(state.buffer.size())}) {
    put_wide(values, value);
  }
  values.insert(values.end(), state.leftover.begin(), state.leftover.end());
  for (const Document& document : state.buffer) {
    values.push_back(narrow<int32_t>(document->size()));
    values.insert(values.end(), document->begin(), document->end());
  }
  return values;
}

void check_restorable(const StreamState& state, size_t capacity, int64_t pieces) {
  const auto require = [&](bool condition, const std::string& fault) {
    if (condition) return;
    throw DataError(
        fmt::format("the saved position of data stream {} {}; resume with the configuration that "
                    "it was saved with",
                    state.stream, fault));
  };
  require(state.buffer.size() <= capacity,
          fmt::format("holds {} documents, more than data.shuffle_buffer ({})", state.buffer.size(),
                      capacity));
  const auto check_ids = [&](std::span<const int32_t> ids) {
    for (const int32_t id : ids) {
      require(id >= 0 && id < pieces,
              fmt::format("holds token {}, which the tokenizer of {} pieces lacks", id, pieces));
    }
  };
  check_ids(state.leftover);
  for (const Document& document : state.buffer) check_ids(*document);
}

StreamState parse_stream_state(const std::vector<int32_t>& values, const std::string& name) {
  Cursor cursor(values, name);
  cursor.require(cursor.word() == kMagic, "it does not begin like one");
  cursor.require(cursor.word() == kVersion, "its version is not 1");
  StreamState state;
  state.stream = cursor.wide();
  state.slot = cursor.wide();
  state.record = cursor.wide();
  state.draws = cursor.wide();
  state.examples = cursor.wide();
  const int64_t leftover = cursor.wide(), documents = cursor.wide();
  cursor.require(state.slot > 0 || state.record == 0, "a record is given without a shard");
  const std::span<const int32_t> ids = cursor.ids(leftover);
  state.leftover.assign(ids.begin(), ids.end());
  cursor.require(documents <= cursor.left(), "it ends early");
  state.buffer.reserve(static_cast<size_t>(documents));
  for (int64_t i = 0; i < documents; ++i) {
    const int32_t length = cursor.word();
    cursor.require(length > 0, "a document is empty");
    state.buffer.push_back(make_document(cursor.ids(length)));
  }
  cursor.require(cursor.left() == 0, "more follows than it counts");
  return state;
}

}  // namespace sy
