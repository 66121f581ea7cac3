// SPDX-License-Identifier: Apache-2.0
// Fuzzes the tokenizer. An input that begins with 'm' is a model file, any other is text for a
// valid model. A model must be refused with a DataError or work; text, valid UTF-8 or not, must
// become ids of pieces.
#include "lib/data/tokenizer/tokenizer.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "lib/base/error.h"
#include "tests/fuzz/temporary_file.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void try_text(const sy::Tokenizer& tokenizer, std::string_view text) {
  const std::vector<int32_t> ids = tokenizer.encode(text);
  require(tokenizer.pieces(text).size() == ids.size());
  for (const int32_t id : ids) require(id >= 0 && id < tokenizer.size());
  tokenizer.decode(ids);
}

void try_model(const std::string& path) {
  try {
    const sy::Tokenizer tokenizer(path, 4);
    require(tokenizer.sentinels() >= 4 && tokenizer.size() > tokenizer.sentinels());
    require(tokenizer.piece(tokenizer.sentinel(0)).ends_with("<extra_id_0>"));
    for (const char* text : {"", "the quick <extra_id_0> brown fox", "\u00e9\u3000\u2581 \n\xff"}) {
      try_text(tokenizer, text);
    }
  } catch (const sy::DataError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const sy::fuzz::TemporaryFile file(".model");
  static const sy::Tokenizer sound(SY_SOURCE_DIR "/tests/fuzz/sound.model", 4);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('m')) {
    try_model(file.write(input.substr(1)));
  } else {
    try_text(sound, input);
  }
  return 0;
}
