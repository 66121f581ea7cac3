// Shards, bad shards and a tokenizer made on the spot, so that these tests need no files.
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
// A window of 2^window_log bytes; 0: as the library chooses.
std::string zstd(std::string_view content, int window_log = 0);

// One line, `text` escaped; a url in front, so that the text is not the first key.
std::string record(std::string_view text);

// `words` made-up words, different for each seed.
std::string made_up_text(uint64_t seed, uint32_t words);

// `count` documents of made-up words, different for each seed, one line each.
std::string records(int64_t count, uint64_t seed);

// `shards` files part-NN.json.gz of `documents` documents each in a fresh folder; gives the folder.
std::string make_shards(int64_t shards, int64_t documents);

// Path of a unigram model of 300 pieces of those words, trained once a process.
const std::string& small_model();
std::shared_ptr<const Tokenizer> small_tokenizer();

// A section that reads `pattern` with small_model() and short sequences.
DataSection small_section(const std::string& pattern);

// Undoes span corruption with small_tokenizer(): inputs and targets tell the window.
std::vector<int32_t> window_of(const Example& example);

// The message of the E that `run` throws; "" when it throws none, "other: ..." when another.
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

// Largest resident memory, in bytes, that this process has had since the last call of reset.
void reset_peak_memory();
int64_t peak_memory();

}  // namespace sy::test
