#include "lib/data/window_stream.h"

#include <span>

#include "lib/base/random.h"

namespace sy {
namespace {

// Windows cut for each that is given, until their buffer is full. So the first batch costs two of
// itself and not the whole buffer, and a window meets a buffer as large as the text before it.
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
    window_epoch_ = documents_.epoch();  // cut_window() has come to it
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

// The next window of the text, or null where it ends in a later epoch than those held: all that is
// joined and in no window yet, but less than a window, is of the documents' epoch.
Document WindowStream::cut_window() {
  const auto length = static_cast<size_t>(options_.window_tokens);
  while (tokens_.size() - used_ < length) append_document();
  if (documents_.epoch() != window_epoch_) return nullptr;
  Document window = make_document(std::span(tokens_).subspan(used_, length));
  used_ += length;
  return window;
}

Document WindowStream::draw_document() {
  while (true) {
    if (Document drawn = shuffled_.draw([this] { return documents_.next(); })) return drawn;
    documents_.begin_epoch();
  }
}

void WindowStream::append_document() {
  tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<int64_t>(used_));
  used_ = 0;
  const Document document = draw_document();
  tokens_.insert(tokens_.end(), document->begin(), document->end());
  if (options_.separator == Separator::eos) tokens_.push_back(options_.eos);
}

}  // namespace sy
