// SPDX-License-Identifier: Apache-2.0
// Makes shards, bad shards and a tokenizer on the spot, so that the tests need no data files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/data/example.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy::test {

void write_file(const std::string& path, std::string_view content);
std::string read_file(const std::string& path);

std::string gzip(std::string_view content);
// With a window of 2^window_log bytes, or one that the library chooses if it is 0.
std::string zstd(std::string_view content, int window_log = 0);

// One line with `text` escaped. A url comes first, so that the text is not the first key.
std::string record(std::string_view text);

// `words` made-up words, different for each seed.
std::string made_up_text(uint64_t seed, uint32_t words);

// `count` documents of made-up words, different for each seed, one line each.
std::string records(int64_t count, uint64_t seed);

// Writes `shards` files part-NN.json.gz of `documents` documents each, and returns their new
// folder.
std::string make_shards(int64_t shards, int64_t documents);

// Path of a unigram model of 300 pieces for those words, trained once per process.
const std::string& small_model();
std::shared_ptr<const Tokenizer> small_tokenizer();

// A section that reads `pattern` with small_model() and short sequences.
DataSection small_section(const std::string& pattern);

// Undoes span corruption with small_tokenizer(): reconstructs the window from inputs and targets.
std::vector<int32_t> window_of(const Example& example);

// The message of the E that `run` throws, "other: ..." for another exception, "" for none.
template <class E, class F>
std::string message_of(F&& run) {
  try {
    run();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("other: ") + error.what();
  }
  return "";
}

// Peak resident memory of this process in bytes since the last reset_peak_memory().
void reset_peak_memory();
int64_t peak_memory();

}  // namespace sy::test
