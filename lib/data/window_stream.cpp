#include "lib/data/window_stream.h"

#include "lib/base/random.h"
#include "lib/base/token_ids.h"

namespace sy {

WindowStream::WindowStream(const DocumentSources& sources, const WindowOptions& options,
                           int64_t stream)
    : options_(options),
      documents_(sources, stream),
      shuffled_(options.shuffle_buffer, options.shuffle_buffer,
                {sources.seed, 0, site::kData + static_cast<uint32_t>(stream)}) {}

std::span<const int32_t> WindowStream::next() {
  const auto length = static_cast<size_t>(options_.window_tokens);
  while (tokens_.size() - used_ < length) append_document();
  const std::span<const int32_t> window(tokens_.data() + used_, length);
  used_ += length;
  return window;
}

void WindowStream::save(StreamState& state) const {
  state.numbers = {documents_.slot(), documents_.record(), shuffled_.draws()};
  state.tokens.assign(tokens_.begin() + static_cast<int64_t>(used_), tokens_.end());
  state.buffers = {shuffled_.held()};
}

void WindowStream::take_step(StreamStep& step) {
  step.numbers.assign({documents_.slot(), documents_.record(), shuffled_.draws()});
  step.tokens.assign(tokens_.begin() + static_cast<int64_t>(used_), tokens_.end());
  step.changes.resize(kBuffers);
  shuffled_.take_changes(step.changes[0]);
}

void WindowStream::restore(const StreamState& state) {
  check_capacity(state, 0, shuffled_.capacity(), "data.shuffle_buffer");
  documents_.restore(state.numbers[0], state.numbers[1]);
  shuffled_.restore(state.numbers[2], state.buffers[0]);
  tokens_ = state.tokens;
  used_ = 0;
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
  if (options_.separator == Separator::eos) tokens_.push_back(kEosId);
}

}  // namespace sy
