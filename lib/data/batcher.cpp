#include "lib/data/batcher.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

size_t places(int64_t sequences, int64_t length) {
  return static_cast<size_t>(sequences * length);
}

// Row `row` of [sequences, length] becomes `ids` and padding.
void fill_row(std::vector<int32_t>& all, int64_t row, int64_t length,
              const std::vector<int32_t>& ids) {
  const auto begin = all.begin() + row * length;
  std::fill(std::copy(ids.begin(), ids.end(), begin), begin + length, 0);
}

void fill_valid(std::vector<int32_t>& all, int64_t row, int64_t length, size_t valid) {
  const auto begin = all.begin() + row * length;
  const auto end = begin + static_cast<int64_t>(valid);
  std::fill(begin, end, 1);
  std::fill(end, begin + length, 0);
}

// The decoder reads the target one place late, after a pad.
void shift_right(std::vector<int32_t>& decoder_ids, const std::vector<int32_t>& targets,
                 int64_t row, int64_t length) {
  const auto from = targets.begin() + row * length;
  const auto to = decoder_ids.begin() + row * length;
  *to = 0;
  std::copy(from, from + length - 1, to + 1);
}

}  // namespace

BatchMemory::BatchMemory(int64_t sequences_, int64_t encoder_length_, int64_t decoder_length_)
    : sequences(sequences_),
      encoder_length(encoder_length_),
      decoder_length(decoder_length_),
      encoder_ids(places(sequences, encoder_length)),
      encoder_valid(encoder_ids.size()),
      decoder_ids(places(sequences, decoder_length)),
      targets(decoder_ids.size()),
      decoder_valid(decoder_ids.size()),
      encoder_lengths(static_cast<size_t>(sequences)),
      decoder_lengths(static_cast<size_t>(sequences)) {
  SY_CHECK(sequences > 0 && encoder_length > 0 && decoder_length > 0, "a batch of {} x {}, {}",
           sequences, encoder_length, decoder_length);
}

int64_t fill_batch(BatchMemory& memory, const std::vector<Example>& examples, int64_t first) {
  static const Example kNothing;
  const auto given = static_cast<int64_t>(examples.size());
  int64_t valid_targets = 0;
  for (int64_t row = 0; row < memory.sequences; ++row) {
    const int64_t place = first + row;
    const Example& example = place < given ? examples[static_cast<size_t>(place)] : kNothing;
    const size_t inputs = example.inputs.size(), targets = example.targets.size();
    SY_CHECK(inputs <= static_cast<size_t>(memory.encoder_length) &&
                 targets <= static_cast<size_t>(memory.decoder_length),
             "example {} of {} and {} tokens for a batch of {} and {}", example.index, inputs,
             targets, memory.encoder_length, memory.decoder_length);
    fill_row(memory.encoder_ids, row, memory.encoder_length, example.inputs);
    fill_row(memory.targets, row, memory.decoder_length, example.targets);
    shift_right(memory.decoder_ids, memory.targets, row, memory.decoder_length);
    fill_valid(memory.encoder_valid, row, memory.encoder_length, inputs);
    fill_valid(memory.decoder_valid, row, memory.decoder_length, targets);
    memory.encoder_lengths[static_cast<size_t>(row)] = narrow<int32_t>(inputs);
    memory.decoder_lengths[static_cast<size_t>(row)] = narrow<int32_t>(targets);
    valid_targets += narrow<int64_t>(targets);
  }
  return valid_targets;
}

}  // namespace sy
