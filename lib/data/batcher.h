// SPDX-License-Identifier: Apache-2.0
// Builds batches from examples and prompts, for training, evaluation and generation alike.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/data/batch.h"
#include "lib/data/example.h"
#include "lib/tensor/staged_copy.h"

namespace sy {

// Overwrites row `row` of a stream in host memory with `ids`, which must fit, and padding.
void fill_sequence(const TokenStream& stream, int64_t row, std::span<const int32_t> ids,
                   int32_t pad = kPadId);

// Overwrites a batch in host memory with examples [first, first + batch.sequences()). Rows past the
// end of `examples` become padding only. Returns the number of valid target tokens. Throws
// InternalError if an example is longer than the streams, or is a packed row and the batch is not
// for those.
int64_t fill_batch(const Batch& batch, const std::vector<Example>& examples, int64_t first);

// The lengths of a batch's streams.
using StreamLengths = std::array<int64_t, kStreams>;

// Batches of one shape, allocated once: in host memory, to be filled, with a copy on the device if
// the exec computes on one.
class BatchBuilder {
 public:
  // `exec` must outlive it.
  BatchBuilder(Exec& exec, int64_t count, const BatchShape& shape);
  BatchBuilder(const BatchBuilder&) = delete;
  BatchBuilder& operator=(const BatchBuilder&) = delete;

  // From here on the streams of all batches have these lengths, at most those of the shape. To be
  // called before the batches are filled. Does not allocate.
  void set_lengths(const StreamLengths& lengths);
  const StreamLengths& lengths() const { return shape_.lengths; }

  int64_t count() const { return static_cast<int64_t>(host_.size()); }
  // The i-th batch in host memory, zeros at first.
  const Batch& host(int64_t i) const { return host_[static_cast<size_t>(i)]; }
  // Copies the batches to the device, if there is one. Does not allocate.
  void send();
  // The i-th batch as the exec reads it, until the next send().
  const Batch& sent(int64_t i) const { return sent_[static_cast<size_t>(i)]; }

 private:
  int64_t place(std::vector<Batch>& batches, char* base);

  const BatchShape planned_;
  BatchShape shape_;             // with the lengths that were set
  std::vector<int32_t> memory_;  // of host_
  std::vector<Batch> host_, sent_;
  std::optional<StagedUpload> upload_;  // if the exec computes on a device
};

}  // namespace sy
