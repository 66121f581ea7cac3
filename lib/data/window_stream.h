// Windows of text of one virtual stream: documents pass a shuffle buffer, are joined and cut into
// windows of equal length.
//
// T5 joins 128 documents at a time and keeps the short window at the end of each group. Our streams
// have no end, so a window that is not full waits for the next document and every window is full.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/data/document_stream.h"
#include "lib/data/stream_state.h"

namespace sy {

struct WindowOptions {
  int64_t window_tokens = 0;
  Separator separator = Separator::none;
  size_t shuffle_buffer = 1;  // documents
};

class WindowStream {
 public:
  static constexpr size_t kNumbers = 3, kBuffers = 1;  // of its state

  // `sources` and `options` must outlive the stream.
  WindowStream(const DocumentSources& sources, const WindowOptions& options, int64_t stream);

  // The tokens of the next window; they hold until the next call. Throws DataError.
  std::span<const int32_t> next();

  // As ExampleSource, of numbers, tokens and buffers.
  void save(StreamState& state) const;
  void take_step(StreamStep& step);
  void restore(const StreamState& state);

 private:
  void place_document(size_t place);
  Document draw_document();
  void append_document();

  const DocumentSources& sources_;
  const WindowOptions& options_;
  int64_t stream_;
  DocumentStream documents_;
  std::vector<Document> buffer_;
  std::vector<BufferChange> placed_;  // since the last step
  std::vector<int32_t> tokens_;       // joined; from used_ on not in a window yet
  size_t used_ = 0;
  int64_t draws_ = 0;
};

}  // namespace sy
