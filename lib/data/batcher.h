// Examples and prompts to the batches that the model reads: the one builder for training,
// evaluation and generation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/data/batch.h"
#include "lib/data/example.h"
#include "lib/tensor/staged_copy.h"

namespace sy {

// Row `row` of a stream becomes `ids`, at most its length, and padding. Host memory.
void fill_sequence(const TokenStream& stream, int64_t row, std::span<const int32_t> ids,
                   int32_t pad = kPadId);

// Fills a batch of the host with examples [first, first + batch.sequences()); places past the end
// of `examples` become all padding. Returns the number of valid target tokens. Throws InternalError
// when an example is longer than the streams.
int64_t fill_batch(const Batch& batch, const std::vector<Example>& examples, int64_t first);

// Batches of one shape in memory that is made once: the host's, to fill, and where the exec
// computes elsewhere a copy there.
class BatchBuilder {
 public:
  // `exec` must outlive it.
  BatchBuilder(Exec& exec, int64_t count, const BatchShape& shape);
  BatchBuilder(const BatchBuilder&) = delete;
  BatchBuilder& operator=(const BatchBuilder&) = delete;

  int64_t count() const { return static_cast<int64_t>(host_.size()); }
  // The i-th batch in host memory, zeros at first.
  const Batch& host(int64_t i) const { return host_[static_cast<size_t>(i)]; }
  // Copies what was filled to where the exec computes; allocates nothing.
  void send();
  // The i-th batch as the exec reads it, until the next send().
  const Batch& sent(int64_t i) const { return sent_[static_cast<size_t>(i)]; }

 private:
  int64_t place(std::vector<Batch>& batches, char* base);

  BatchShape shape_;
  std::vector<int32_t> memory_;  // of host_
  std::vector<Batch> host_, sent_;
  std::optional<StagedUpload> upload_;  // where the exec's memory is not the host's
};

}  // namespace sy
