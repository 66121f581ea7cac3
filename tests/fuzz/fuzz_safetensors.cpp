// SPDX-License-Identifier: Apache-2.0
// Feeds the readers of a Hugging Face folder: a safetensors file and its header alone, and
// config.json. What they accept must be sound: tensors that fill the file and can be read, a
// configuration without a fault. All else must be a DataError.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/config/config.h"
#include "lib/convert/hf/hf_config.h"
#include "lib/convert/hf/safetensors.h"
#include "tests/fuzz/temporary_file.h"

namespace {
using namespace sy::convert;

void require(bool condition) {
  if (!condition) std::abort();
}

// The tensors fill [data_begin, data_begin + data_bytes) one after another.
void check_entries(const std::vector<SafetensorsEntry>& entries, int64_t data_begin,
                   int64_t data_bytes) {
  int64_t end = data_begin;
  for (const SafetensorsEntry& entry : entries) {
    require(entry.begin == end && entry.bytes >= 0);
    end += entry.bytes;
  }
  require(end == data_begin + data_bytes);
}

// The first bytes give the number of bytes that the tensors take.
void try_header(const std::string& text) {
  const auto data_bytes = static_cast<int64_t>(text.empty() ? 0 : text[0] & 0x7f);
  const std::string json = text.empty() ? text : text.substr(1);
  try {
    check_entries(parse_safetensors_header(json, 100, data_bytes, "header"), 100, data_bytes);
  } catch (const sy::DataError&) {
  }
}

void try_file(const std::string& bytes) {
  static const sy::fuzz::TemporaryFile temporary(".safetensors");
  try {
    const File file = File::open(temporary.write(bytes));
    std::vector<char> values;
    for (const SafetensorsEntry& entry : read_safetensors_header(file)) {
      values.resize(static_cast<size_t>(entry.bytes));
      file.read(values.data(), entry.begin, entry.bytes);
    }
  } catch (const sy::DataError&) {
  }
}

void try_config(const std::string& text) {
  try {
    const HfModel hf = parse_hf_config(text, "config.json", {});
    require(sy::find_errors(hf.config).empty());
  } catch (const sy::DataError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try_header(text);
  try_file(text);
  try_config(text);
  return 0;
}
