// SPDX-License-Identifier: Apache-2.0
#include "tests/data/support.h"

#include <fmt/core.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/data/tokenizer/tokenizer_train.h"
#include "tests/support/shared_files.h"

namespace sy::test {
namespace {

// Word `number` of a made-up language: 2 to 4 syllables.
std::string word(uint32_t number) {
  constexpr const char* kSyllables[] = {"ka", "lo", "mi", "tes", "ru", "van", "qi", "bor"};
  const RandomKey key{7, 0, number};
  std::string result;
  const uint32_t syllables = 2 + random_below(key, 0, 3);
  for (uint32_t i = 1; i <= syllables; ++i) result += kSyllables[random_below(key, i, 8)];
  return result;
}

std::string text(uint64_t seed, uint32_t document) {
  const RandomKey key{seed, 1, document};
  std::string result;
  const uint32_t words = 5 + random_below(key, 0, 60);
  for (uint32_t i = 1; i <= words; ++i) {
    result += (i == 1 ? "" : " ") + word(random_below(key, i, 400));
  }
  return result + ".";
}

}  // namespace

std::string made_up_text(uint64_t seed, uint32_t words) {
  const RandomKey key{seed, 2, 0};
  std::string result;
  for (uint32_t i = 0; i < words; ++i) result += word(random_below(key, i, 400)) + " ";
  return result;
}

void write_file(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  SY_CHECK(file.good(), "cannot write {}", path);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

std::string gzip(std::string_view content) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  deflateInit2(&stream, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  SY_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END, "gzip");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(std::string_view content, int window_log) {
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  // Streamed, because with a known size the library would reduce the window to it.
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, window_log == 0 ? 1 : 0);
  ZSTD_inBuffer in{content.data(), content.size() / 2, 0};
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
  in.size = content.size();
  SY_CHECK(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) == 0, "zstd");
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  return packed;
}

std::string record(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return fmt::format(R"({{"url":"http://a.b","text":"{}","timestamp":"2019"}})", escaped) + "\n";
}

std::string records(int64_t count, uint64_t seed) {
  std::string lines;
  for (int64_t i = 0; i < count; ++i) lines += record(text(seed, static_cast<uint32_t>(i)));
  return lines;
}

std::string make_shards(int64_t shards, int64_t documents) {
  const std::string folder = temporary_folder();
  for (int64_t i = 0; i < shards; ++i) {
    write_file(fmt::format("{}/part-{:02}.json.gz", folder, i),
               gzip(records(documents, static_cast<uint64_t>(i) + 1)));
  }
  return folder;
}

const std::string& small_model() {
  static const std::string path = [] {
    const std::string folder = temporary_folder();
    write_file(folder + "/text.jsonl", records(400, 99));
    TrainTokenizerOptions options;
    options.shards = {folder + "/text.jsonl"};
    options.output = folder + "/small.model";
    options.vocab_size = 300;
    train_tokenizer(options);
    return options.output;
  }();
  return path;
}

std::shared_ptr<const Tokenizer> small_tokenizer() {
  static const auto tokenizer = std::make_shared<const Tokenizer>(small_model(), 20);
  return tokenizer;
}

DataSection small_section(const std::string& pattern) {
  DataSection data;
  data.train = {pattern};
  data.tokenizer = small_model();
  data.extra_ids = 20;
  data.encoder_length = 64;
  data.streams = 4;
  data.shuffle_buffer = 16;
  return data;
}

std::vector<int32_t> window_of(const Example& example) {
  const auto tokenizer = small_tokenizer();
  const int32_t last_sentinel = tokenizer->sentinel(tokenizer->sentinels() - 1);
  std::vector<int32_t> window;
  auto target = example.targets.begin();
  for (size_t i = 0; i + 1 < example.inputs.size(); ++i) {
    if (example.inputs[i] < last_sentinel) {
      window.push_back(example.inputs[i]);
      continue;
    }
    SY_CHECK(*target == example.inputs[i], "sentinel {} and {}", *target, example.inputs[i]);
    for (++target; *target < last_sentinel && target + 1 != example.targets.end(); ++target) {
      window.push_back(*target);
    }
  }
  SY_CHECK(target + 1 == example.targets.end(), "targets go on behind the inputs");
  return window;
}

void reset_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  std::string key;
  int64_t kib = 0;
  while (status >> key) {
    if (key == "VmHWM:") status >> kib;
  }
  return kib * 1024;
}

}  // namespace sy::test
