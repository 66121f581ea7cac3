// SPDX-License-Identifier: Apache-2.0
#include "lib/data/window_stream.h"

#include <algorithm>
#include <span>

#include "lib/base/random.h"

namespace sy {
namespace {

// Windows cut for each one returned, until their buffer is full. So the first batch takes twice its
// own text and not that of a whole buffer.
constexpr size_t kWindowsRead = 2;

}  // namespace

WindowStream::WindowStream(const DocumentSources& sources, const WindowOptions& options,
                           int64_t stream)
    : options_(options),
      documents_(sources, stream),
      shuffled_(options.shuffle_buffer, options.shuffle_buffer,
                {sources.seed, 0, site::kData + static_cast<uint32_t>(stream)}),
      windows_(options.example_buffer, kWindowsRead,
               {sources.seed, 0, site::kWindows + static_cast<uint32_t>(stream)}) {}

Document WindowStream::next() {
  while (true) {
    if (Document drawn = windows_.draw([this] { return cut_window(); })) return drawn;
    if (ended_) return nullptr;
    window_epoch_ = documents_.epoch();  // which cut_window() has reached
  }
}

std::array<int64_t, WindowStream::kNumbers> WindowStream::numbers() const {
  return {documents_.slot(), documents_.record(), shuffled_.draws(), windows_.draws(),
          window_epoch_};
}

void WindowStream::save(StreamState& state) const {
  const auto now = numbers();
  state.numbers.assign(now.begin(), now.end());
  state.tokens.assign(tokens_.begin() + static_cast<int64_t>(used_), tokens_.end());
  state.buffers.resize(kBuffers);
  shuffled_.save(state.buffers[0]);
  windows_.save(state.buffers[1]);
}

void WindowStream::take_step(StreamStep& step) {
  const auto now = numbers();
  step.numbers.assign(now.begin(), now.end());
  step.tokens.assign(tokens_.begin() + static_cast<int64_t>(used_), tokens_.end());
  step.changes.resize(kBuffers);
  shuffled_.take_changes(step.changes[0]);
  windows_.take_changes(step.changes[1]);
}

void WindowStream::restore(const StreamState& state) {
  check_capacity(state, 0, shuffled_.capacity(), "data.shuffle_buffer");
  check_capacity(state, 1, windows_.capacity(), "data.example_buffer");
  documents_.restore(state.numbers[0], state.numbers[1]);
  shuffled_.restore(state.numbers[2], state.buffers[0]);
  windows_.restore(state.numbers[3], state.buffers[1]);
  window_epoch_ = state.numbers[4];
  tokens_ = state.tokens;
  used_ = 0;
}

// The next window, or null if it ends in a later epoch than the windows in the buffer. It ends in
// the epoch of the last document appended, as long as less than a window remains of those before.
Document WindowStream::cut_window() {
  constexpr size_t kShortest = 2;  // one token cannot be masked and kept
  auto length = static_cast<size_t>(options_.window_tokens);
  while (tokens_.size() - used_ < length && append_document()) {
  }
  if (documents_.epoch() != window_epoch_) return nullptr;
  if (ended_) length = std::min(length, tokens_.size() - used_);
  if (length < kShortest) return nullptr;
  Document window = make_document(std::span(tokens_).subspan(used_, length));
  used_ += length;
  return window;
}

// Null at the end of a single pass.
Document WindowStream::draw_document() {
  while (true) {
    if (Document drawn = shuffled_.draw([this] { return documents_.next(); })) return drawn;
    if (options_.single_pass) return nullptr;
    documents_.begin_epoch();
  }
}

// False at the end of a single pass.
bool WindowStream::append_document() {
  if (ended_) return false;
  tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<int64_t>(used_));
  used_ = 0;
  const Document document = draw_document();
  ended_ = document == nullptr;
  if (ended_) return false;
  tokens_.insert(tokens_.end(), document->begin(), document->end());
  if (options_.separator == Separator::eos) tokens_.push_back(options_.eos);
  return true;
}

}  // namespace sy
