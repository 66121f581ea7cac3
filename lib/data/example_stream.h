// Training examples of one virtual stream: documents pass a shuffle buffer, are joined, cut into
// windows of equal length, and corrupted.
//
// T5 joins 128 documents at a time and keeps the short window at the end of each group. Our streams
// have no end, so a window that is not full waits for the next document and every example is full.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/data/document_stream.h"
#include "lib/data/stream_state.h"

namespace sy {

// How documents become examples. The lengths must fit (check_example_plan).
struct ExamplePlan {
  int64_t window_tokens = 0;
  int64_t encoder_length = 0;
  int64_t decoder_length = 0;
  double noise_density = 0.15;
  double mean_noise_span = 3.0;
  Separator separator = Separator::none;
  size_t shuffle_buffer = 1;
  uint64_t seed = 0;
  LoaderPlace place;
};

// From the configuration, with lengths that are `auto` derived. Throws ConfigError when the windows
// make sequences that are longer than configured or need more sentinels than the tokenizer has.
ExamplePlan make_example_plan(const DataSection& data, const LoaderPlace& place, uint64_t seed,
                              const Tokenizer& tokenizer);

class ExampleStream {
 public:
  // `sources` and `plan` must outlive the stream.
  ExampleStream(const DocumentSources& sources, const ExamplePlan& plan, int64_t stream);

  // The next example; overwrites `example`. Throws DataError.
  void next(Example& example);

  // Goes on from `state`. Before the first next().
  void restore(const StreamState& state);

  // The change since the last call (or the beginning); overwrites `step`.
  void take_step(StreamStep& step);

 private:
  void place_document(size_t place);
  Document draw_document();
  void append_document();
  void corrupt(Example& example);

  const DocumentSources& sources_;
  const ExamplePlan& plan_;
  int64_t stream_;
  DocumentStream documents_;
  std::vector<Document> buffer_;
  std::vector<std::pair<size_t, Document>> placed_;  // since the last step
  std::vector<int32_t> tokens_;                      // joined; from used_ on not in an example yet
  size_t used_ = 0;
  int64_t draws_ = 0;
  int64_t examples_ = 0;
};

}  // namespace sy
