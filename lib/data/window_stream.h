// SPDX-License-Identifier: Apache-2.0
// Windows of text of one virtual stream. Documents pass through a shuffle buffer, are joined, and
// are cut into windows of equal length. The windows pass through a shuffle buffer of their own,
// because neighbouring windows of a document are alike and would otherwise be routed in one group.
//
// All documents of an epoch are joined before the first of the next, so a pass over the text shows
// each document once, however large the buffers are. A window belongs to the epoch in which it
// ends, and the windows of an epoch come before those of the next.
//
// T5 joins 128 documents at a time and keeps the short window at the end of each group. Here
// streams are endless: a window that is not full waits for the next document, so every window is
// full.
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
  bool single_pass = false;   // end after one epoch, with a shorter window of what is left
};

class WindowStream {
 public:
  static constexpr size_t kNumbers = 5, kBuffers = 2;  // of its state

  // `sources` and `options` must outlive the stream.
  WindowStream(const DocumentSources& sources, const WindowOptions& options, int64_t stream);

  // The tokens of the next window. Null at the end of a single pass. Throws DataError.
  Document next();

  // As in ExampleSource, for numbers, tokens and buffers.
  void save(StreamState& state) const;
  void take_step(StreamStep& step);
  void restore(const StreamState& state);

 private:
  std::array<int64_t, kNumbers> numbers() const;
  Document cut_window();
  Document draw_document();
  bool append_document();

  const WindowOptions& options_;
  DocumentStream documents_;
  ShuffleBuffer shuffled_;
  ShuffleBuffer windows_;
  int64_t window_epoch_ = 0;     // of the windows in the buffer
  std::vector<int32_t> tokens_;  // joined; those from used_ on are in no window yet
  size_t used_ = 0;
  bool ended_ = false;  // the single pass
};

}  // namespace sy
