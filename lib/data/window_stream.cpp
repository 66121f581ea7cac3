#include "lib/data/window_stream.h"

#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/base/token_ids.h"

namespace sy {

WindowStream::WindowStream(const DocumentSources& sources, const WindowOptions& options,
                           int64_t stream)
    : sources_(sources), options_(options), stream_(stream), documents_(sources, stream) {}

std::span<const int32_t> WindowStream::next() {
  const auto length = static_cast<size_t>(options_.window_tokens);
  while (tokens_.size() - used_ < length) append_document();
  const std::span<const int32_t> window(tokens_.data() + used_, length);
  used_ += length;
  return window;
}

void WindowStream::save(StreamState& state) const {
  state.numbers = {documents_.slot(), documents_.record(), draws_};
  state.tokens.assign(tokens_.begin() + static_cast<int64_t>(used_), tokens_.end());
  state.buffers = {buffer_};
}

void WindowStream::take_step(StreamStep& step) {
  step.numbers.assign({documents_.slot(), documents_.record(), draws_});
  step.tokens.assign(tokens_.begin() + static_cast<int64_t>(used_), tokens_.end());
  step.changes.resize(kBuffers);
  step.changes[0].clear();
  step.changes[0].swap(placed_);
}

void WindowStream::restore(const StreamState& state) {
  documents_.restore(state.numbers[0], state.numbers[1]);
  draws_ = state.numbers[2];
  tokens_ = state.tokens;
  used_ = 0;
  buffer_ = state.buffers[0];
  check_capacity(state, 0, options_.shuffle_buffer, "data.shuffle_buffer");
}

// Reads a document into the shuffle buffer.
void WindowStream::place_document(size_t place) {
  Document document = documents_.next();
  placed_.emplace_back(place, document);
  if (place == buffer_.size()) buffer_.emplace_back();
  buffer_[place] = std::move(document);
}

// A random document of the full buffer; the next one read takes its place.
Document WindowStream::draw_document() {
  while (buffer_.size() < options_.shuffle_buffer) place_document(buffer_.size());
  const RandomKey key{sources_.seed, 0, site::kData + static_cast<uint32_t>(stream_)};
  const size_t place =
      random_below(key, static_cast<uint64_t>(draws_++), narrow<uint32_t>(buffer_.size()));
  Document drawn = buffer_[place];
  place_document(place);
  return drawn;
}

void WindowStream::append_document() {
  tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<int64_t>(used_));
  used_ = 0;
  const Document document = draw_document();
  tokens_.insert(tokens_.end(), document->begin(), document->end());
  if (options_.separator == Separator::eos) tokens_.push_back(kEosId);
}

}  // namespace sy
