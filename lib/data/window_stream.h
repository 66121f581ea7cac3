// Windows of text of one virtual stream: documents pass a shuffle buffer, are joined and cut into
// windows of equal length, and the windows pass a buffer of their own: neighbouring windows of a
// document are alike, and would otherwise be routed in one group.
//
// Every document of an epoch is joined before the first of the next, so a pass over the text shows
// each document once, however large the buffers are. A window belongs to the epoch in which it
// ends, and the windows of an epoch come before those of the next.
//
// T5 joins 128 documents at a time and keeps the short window at the end of each group. Our streams
// have no end, so a window that is not full waits for the next document and every window is full.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lib/data/stream_state.h"
#include "lib/data/text/document_stream.h"
#include "lib/data/text/shuffle_buffer.h"

namespace sy {

struct WindowOptions {
  int64_t window_tokens = 0;
  Separator separator = Separator::none;
  int32_t eos = 1;            // the separator's id
  size_t shuffle_buffer = 1;  // documents
  size_t example_buffer = 1;  // windows
};

class WindowStream {
 public:
  static constexpr size_t kNumbers = 5, kBuffers = 2;  // of its state

  // `sources` and `options` must outlive the stream.
  WindowStream(const DocumentSources& sources, const WindowOptions& options, int64_t stream);

  // The tokens of the next window. Throws DataError.
  Document next();

  // As ExampleSource, of numbers, tokens and buffers.
  void save(StreamState& state) const;
  void take_step(StreamStep& step);
  void restore(const StreamState& state);

 private:
  std::array<int64_t, kNumbers> numbers() const;
  Document cut_window();
  Document draw_document();
  void append_document();

  const WindowOptions& options_;
  DocumentStream documents_;
  ShuffleBuffer shuffled_;
  ShuffleBuffer windows_;
  int64_t window_epoch_ = 0;     // of those held
  std::vector<int32_t> tokens_;  // joined; from used_ on not in a window yet
  size_t used_ = 0;
};

}  // namespace sy
