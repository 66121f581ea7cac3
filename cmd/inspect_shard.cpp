// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "cmd/commands.h"
#include "cmd/option_checks.h"
#include "lib/base/json.h"
#include "lib/data/text/c4_reader.h"
#include "lib/data/text/shard_list.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {
namespace {

struct ShardStatistics {
  std::string shard;
  int64_t lines = 0, bytes = 0, tokens = 0;
  std::vector<int64_t> sizes;  // bytes of each document, sorted
  DataCounters counters;

  int64_t documents() const { return static_cast<int64_t>(sizes.size()); }
  int64_t quantile(double share) const {
    if (sizes.empty()) return 0;
    return sizes[static_cast<size_t>(share * static_cast<double>(sizes.size() - 1))];
  }
};

ShardStatistics read_shard(const std::string& shard, const std::string& text_key,
                           const Tokenizer* tokenizer) {
  ShardStatistics found;
  found.shard = shard;
  Ledger ledger(BadRecordPolicy::skip);
  ReaderOptions options;
  options.text_key = text_key;
  C4Reader reader(shard, options, ledger);
  std::vector<int32_t> ids;
  for (std::string_view text; reader.next(text);) {
    found.sizes.push_back(static_cast<int64_t>(text.size()));
    found.bytes += static_cast<int64_t>(text.size());
    if (tokenizer == nullptr) continue;
    tokenizer->encode(text, ids);
    found.tokens += static_cast<int64_t>(ids.size());
  }
  found.lines = reader.line();
  found.counters = ledger.counters();
  std::sort(found.sizes.begin(), found.sizes.end());
  return found;
}

void print_json(const ShardStatistics& found, bool has_tokens) {
  const DataCounters& bad = found.counters;
  const Json object{{"shard", found.shard},
                    {"lines", found.lines},
                    {"documents", found.documents()},
                    {"bytes", found.bytes},
                    {"tokens", has_tokens ? Json(found.tokens) : Json()},
                    {"document_bytes",
                     {{"least", found.quantile(0)},
                      {"median", found.quantile(0.5)},
                      {"p99", found.quantile(0.99)},
                      {"most", found.quantile(1)}}},
                    {"bad",
                     {{"malformed", bad.malformed},
                      {"invalid_utf8", bad.invalid_utf8},
                      {"missing_text", bad.missing_text},
                      {"empty_text", bad.empty_text},
                      {"too_long", bad.too_long},
                      {"corrupt_shards", bad.corrupt_shards}}}};
  fmt::print("{}\n", json_line(object));
}

void print_text(const ShardStatistics& found, bool has_tokens) {
  const DataCounters& bad = found.counters;
  const std::string tokens = has_tokens ? fmt::format(", {} tokens", found.tokens) : "";
  fmt::print("{}\n  {} lines, {} documents, {} bytes of text{}\n", found.shard, found.lines,
             found.documents(), found.bytes, tokens);
  fmt::print("  bytes per document: min {}, median {}, 99 % {}, max {}\n", found.quantile(0),
             found.quantile(0.5), found.quantile(0.99), found.quantile(1));
  fmt::print(
      "  bad records: {} ({} malformed, {} not UTF-8, {} without text, {} empty, {} too long, {} "
      "shard cut off)\n",
      bad.bad(), bad.malformed, bad.invalid_utf8, bad.missing_text, bad.empty_text, bad.too_long,
      bad.corrupt_shards);
}

struct ShardOptions {
  std::vector<std::string> globs;
  std::string tokenizer, text_key = "text";
  bool json = false;
};

ExitCode inspect_shards(const ShardOptions& options) {
  std::unique_ptr<const Tokenizer> tokenizer;
  if (!options.tokenizer.empty()) {
    check_tokenizer_file(options.tokenizer, "--tokenizer");
    tokenizer = std::make_unique<Tokenizer>(options.tokenizer, 100);
  }
  int64_t broken = 0;
  for (const std::string& shard : expand_globs(options.globs, "the argument FILE")) {
    const ShardStatistics found = read_shard(shard, options.text_key, tokenizer.get());
    (options.json ? print_json : print_text)(found, tokenizer != nullptr);
    broken += found.counters.corrupt_shards;
  }
  if (broken > 0) {
    throw DataError(fmt::format("{} shards cannot be read to their end; fetch them again", broken));
  }
  return ExitCode::done;
}

}  // namespace

Run setup_inspect_shard(CLI::App& app) {
  auto options = std::make_shared<ShardOptions>();
  app.add_option("FILE", options->globs, "shards, or globs of shards")->required();
  app.add_option("--tokenizer", options->tokenizer, "a SentencePiece model, to count tokens");
  app.add_option("--text-key", options->text_key, "key of a record under which its text is")
      ->capture_default_str();
  app.add_flag("--json", options->json, "one JSON object per shard");
  return [options] { return inspect_shards(*options); };
}

}  // namespace sy
