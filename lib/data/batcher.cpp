// SPDX-License-Identifier: Apache-2.0
#include "lib/data/batcher.h"

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/token_ids.h"

namespace sy {
namespace {

// Row `row` of [B, length].
std::span<int32_t> row_of(Tensor tensor, int64_t row, int64_t length) {
  return {tensor.data<int32_t>() + row * length, static_cast<size_t>(length)};
}

void fill_row(std::span<int32_t> row, std::span<const int32_t> ids, int32_t pad) {
  std::fill(std::copy(ids.begin(), ids.end(), row.begin()), row.end(), pad);
}

void fill_prefix(std::span<int32_t> row, size_t valid) {
  const auto end = row.begin() + static_cast<int64_t>(valid);
  std::fill(row.begin(), end, 1);
  std::fill(end, row.end(), 0);
}

// Where the examples of a row end in a stream that has `tokens` of it.
std::span<const int32_t> ends_of(const std::vector<int32_t>& ends, const int32_t& tokens) {
  return ends.empty() ? std::span(&tokens, 1) : std::span(ends);
}

// The decoder's input is the target shifted by one place, after a pad. Its valid places are those
// of the target.
void fill_targets(const Batch& batch, int64_t row, std::span<const int32_t> ids,
                  std::span<const int32_t> ends) {
  const TokenStream& stream = batch.streams[kDecoder];
  const int64_t length = stream.ids.dim(1);
  const std::span<int32_t> targets = row_of(batch.targets, row, length);
  const std::span<int32_t> shifted = row_of(stream.ids, row, length);
  fill_row(targets, ids, kPadId);
  shifted[0] = batch.start;
  fill_row(shifted.subspan(1), ids.first(std::min(ids.size(), shifted.size() - 1)), batch.pad);
  fill_prefix(row_of(stream.valid, row, length), ids.size());
  for (const int32_t end : ends) {  // the next example begins there, unless none of it fits
    if (end < std::ssize(ids)) shifted[static_cast<size_t>(end)] = batch.start;
  }
  stream.lengths.data<int32_t>()[row] = narrow<int32_t>(ids.size());
}

// ranges[i] = the range in `of` of the example whose range in `by` holds place i.
void fill_ranges(std::span<int32_t> ranges, std::span<const int32_t> by,
                 std::span<const int32_t> of) {
  size_t place = 0;
  for (size_t n = 0; n < by.size(); ++n) {
    for (; place < static_cast<size_t>(by[n]); ++place) {
      ranges[2 * place] = n == 0 ? 0 : of[n - 1];
      ranges[2 * place + 1] = of[n];
    }
  }
  std::fill(ranges.begin() + static_cast<std::ptrdiff_t>(2 * place), ranges.end(), of.back());
}

void fill_row_ranges(const Batch& batch, int64_t row, const Example& example) {
  const auto input_tokens = narrow<int32_t>(example.inputs.size());
  const auto target_tokens = narrow<int32_t>(example.targets.size());
  const std::span<const int32_t> inputs = ends_of(example.input_ends, input_tokens);
  const std::span<const int32_t> targets = ends_of(example.target_ends, target_tokens);
  SY_CHECK(inputs.size() == targets.size() && inputs.back() == input_tokens &&
               targets.back() == target_tokens,
           "row {} has {} inputs and {} targets of {} and {} tokens", example.index, inputs.size(),
           targets.size(), input_tokens, target_tokens);
  const auto fill = [&](const TokenStream& stream, const auto& own, const auto& other) {
    const int64_t width = 2 * stream.ids.dim(1);
    fill_ranges(row_of(stream.ranges, row, width), own, own);
    fill_ranges(row_of(stream.other_ranges, row, width), own, other);
  };
  fill(batch.streams[kEncoder], inputs, targets);
  fill(batch.streams[kDecoder], targets, inputs);
}

}  // namespace

void fill_sequence(const TokenStream& stream, int64_t row, std::span<const int32_t> ids,
                   int32_t pad) {
  const int64_t length = stream.ids.dim(1);
  SY_CHECK(std::ssize(ids) <= length, "{} ids for a stream of {}", ids.size(), length);
  fill_row(row_of(stream.ids, row, length), ids, pad);
  fill_prefix(row_of(stream.valid, row, length), ids.size());
  stream.lengths.data<int32_t>()[row] = narrow<int32_t>(ids.size());
}

int64_t fill_batch(const Batch& batch, const std::vector<Example>& examples, int64_t first) {
  static const Example kNothing;
  const TokenStream& encoder = batch.streams[kEncoder];
  int64_t valid_targets = 0;
  for (int64_t row = 0; row < batch.sequences(); ++row) {
    const int64_t place = first + row;
    const Example& example =
        place < std::ssize(examples) ? examples[static_cast<size_t>(place)] : kNothing;
    SY_CHECK(std::ssize(example.inputs) <= encoder.ids.dim(1) &&
                 std::ssize(example.targets) <= batch.targets.dim(1),
             "example {} of {} and {} tokens for a batch of {} and {}", example.index,
             example.inputs.size(), example.targets.size(), encoder.ids.dim(1),
             batch.targets.dim(1));
    fill_sequence(encoder, row, example.inputs, batch.pad);
    SY_CHECK(batch.packed() || example.input_ends.empty(),
             "row {} of {} examples for a batch of one", example.index, example.input_ends.size());
    fill_targets(batch, row, example.targets, example.target_ends);
    if (batch.packed()) fill_row_ranges(batch, row, example);
    valid_targets += std::ssize(example.targets) -
                     std::count(example.targets.begin(), example.targets.end(), kPadId);
  }
  return valid_targets;
}

BatchBuilder::BatchBuilder(Exec& exec, int64_t count, const BatchShape& shape)
    : planned_(shape), shape_(shape), host_(static_cast<size_t>(count)), sent_(host_.size()) {
  SY_CHECK(count > 0 && shape.sequences > 0 && shape.lengths[kEncoder] > 0, "{} batches of {} x {}",
           count, shape.sequences, shape.lengths[kEncoder]);
  SY_CHECK(!shape.packed || shape.lengths[kDecoder] > 0, "packed rows without a decoder");
  const int64_t bytes = place(host_, nullptr);
  memory_.resize(static_cast<size_t>(bytes) / sizeof(int32_t));
  place(host_, reinterpret_cast<char*>(memory_.data()));
  sent_ = host_;
  if (exec.backend == Backend::cuda) upload_.emplace(exec, bytes);
}

void BatchBuilder::set_lengths(const StreamLengths& lengths) {
  for (size_t i = 0; i < kStreams; ++i) {
    SY_CHECK(lengths[i] <= planned_.lengths[i] && (lengths[i] > 0) == (planned_.lengths[i] > 0),
             "stream {} of {} in a batch for {}", i, lengths[i], planned_.lengths[i]);
  }
  shape_.lengths = lengths;
  place(host_, reinterpret_cast<char*>(memory_.data()));
  if (!upload_) sent_ = host_;
}

int64_t BatchBuilder::place(std::vector<Batch>& batches, char* base) {
  int64_t bytes = 0;
  for (Batch& batch : batches) {
    bytes += place_batch(batch, shape_, base == nullptr ? nullptr : base + bytes);
  }
  return bytes;
}

void BatchBuilder::send() {
  if (!upload_) return;
  std::memcpy(upload_->next(), memory_.data(), memory_.size() * sizeof(int32_t));
  place(sent_, upload_->send());
}

}  // namespace sy
