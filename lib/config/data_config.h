// SPDX-License-Identifier: Apache-2.0
// The keys of `data`. As all sections of a configuration (run_config.h), each struct lists its keys
// in fields(visitor).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/objective_plan.h"
#include "lib/config/value_types.h"

namespace sy {

// A corpus of a mixture of texts.
struct CorpusSection {
  std::string name;
  std::vector<std::string> train, validation;
  AutoNumber size;
  AutoNumber rate;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "word that names it, in metrics and reports");
    visit("train", train, "globs of its training shards, as data.train");
    visit("validation", validation, "globs of its validation shards; []: no loss of its own");
    visit("size", size,
          "how much text it has, in any unit that all corpora share, such as documents; auto: the "
          "bytes of its training shards");
    visit("rate", rate,
          "its share of the examples, relative to the other rates; auto: as data.mixture says of "
          "its size");
  }
};

// A text-to-text task of a mixture.
struct TaskSection {
  std::string name;
  std::string form;
  std::vector<std::string> train, validation;
  std::vector<std::string> metrics;
  AutoNumber rate;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "word that names it, in metrics and reports");
    visit("form", form,
          "what its files are: a task as T5 writes it, such as glue_mrpc or squad; jsonl: objects "
          "with input and target (or inputs and targets); empty: the form with its name");
    visit("train", train, "globs of its training files");
    visit("validation", validation, "globs of its validation files; []: it is not evaluated");
    visit("metrics", metrics, "its scores, such as exact_match or rouge; []: those of its form");
    visit("rate", rate,
          "its share of the examples, relative to the other rates; auto: as data.mixture says of "
          "its number of examples");
  }
};

struct MixtureSection {
  double exponent = 1.0;
  double cap = 0.0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("exponent", exponent,
          "a part's rate is min(size, cap)^exponent: 1 is in proportion, 0 equal, 0.3 mT5's; a "
          "temperature of T is an exponent of 1/T");
    visit("cap", cap, "largest size that counts; 0: none");
  }
};

struct DataSection {
  std::vector<std::string> train = {"data/sample/c4-train.*.json.gz"};
  std::vector<std::string> validation = {"data/sample/c4-validation.*.json.gz"};
  std::vector<CorpusSection> corpora;
  std::vector<TaskSection> tasks;
  MixtureSection mixture;
  bool packing = false;
  int64_t bucket_batches = 1;
  DataFormat format = DataFormat::text;
  std::string text_key = "text";
  std::string tokenizer = "data/sample/sentencepiece.model";
  int64_t extra_ids = 100;
  int64_t encoder_length = 128;
  AutoInt decoder_length;
  AutoInt window_tokens;
  double noise_density = 0.15;
  double mean_noise_span = 3.0;
  Objective objective = Objective::span_corruption;
  std::vector<Denoiser> denoisers;
  Separator document_separator = Separator::none;
  int64_t streams = 8;
  int64_t shuffle_buffer = 1024;
  int64_t example_buffer = 1000;
  BadRecordPolicy on_bad_record = BadRecordPolicy::skip;
  double max_bad_shards = 0.02;
  int64_t max_document_bytes = 16 << 20;
  int64_t loader_threads = 1;
  int64_t read_ahead_batches = 4;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit(
        "train", train,
        "globs of training shards: files with a JSON object per line, plain or compressed by gzip "
        "or zstd; in every path ~ and ${VAR} are expanded, and in globs * ? [...] {a,b}");
    visit("validation", validation, "globs of validation shards");
    visit("corpora", corpora,
          "corpora that are mixed, each with the keys below, instead of train and validation");
    visit("tasks", tasks,
          "text-to-text tasks that are mixed, each with the keys below, instead of text");
    visit("mixture", mixture, "how often each corpus or task is drawn");
    visit("packing", packing,
          "tasks: put several examples in a row, none of which attends to another");
    visit("bucket_batches", bucket_batches,
          "tasks: batches that are filled at a time, by length, so that each is as short as its "
          "longest example; 1: as they come, at full length");
    visit("format", format,
          "what a record holds under text_key: text | ids (a list of integers, read as they are; "
          "needs no tokenizer, but model.vocab_size)");
    visit("text_key", text_key, "key of a record under which its text, or its list of ids, is");
    visit("tokenizer", tokenizer,
          "path of a SentencePiece model, or the word bytes for ByT5's vocabulary of bytes; not "
          "read with format: ids");
    visit("extra_ids", extra_ids, "sentinels; appended after the pieces if the tokenizer has none");
    visit("encoder_length", encoder_length, "tokens per input sequence, including eos");
    visit("decoder_length", decoder_length,
          "tokens per target sequence, including eos; auto: derived from the objective");
    visit("window_tokens", window_tokens,
          "tokens of text per example before corruption; auto: derived from the objective");
    visit("noise_density", noise_density, "span_corruption: fraction of tokens that is masked");
    visit("mean_noise_span", mean_noise_span, "span_corruption: mean length of a masked span");
    visit("objective", objective,
          "what an example is: span_corruption | prefix_lm | next_token | ul2 (a mixture of "
          "denoisers)");
    visit("denoisers", denoisers,
          "the denoisers of ul2, each with the keys below; empty: the seven of the paper");
    visit("document_separator", document_separator,
          "separator between concatenated documents: none (as in T5) | eos");
    visit("streams", streams,
          "virtual data streams; a multiple of the data ranks and a divisor of train.global_batch");
    visit("shuffle_buffer", shuffle_buffer, "documents in each stream's shuffle buffer");
    visit(
        "example_buffer", example_buffer,
        "examples in each stream's second shuffle buffer, which separates neighbouring windows of "
        "a document; 1: off");
    visit("on_bad_record", on_bad_record, "unreadable records: skip (counted and reported) | fail");
    visit("max_bad_shards", max_bad_shards,
          "fraction of the shards that may be unreadable or give no text before the run stops; "
          "one is always accepted, unless this is 0");
    visit("max_document_bytes", max_document_bytes,
          "longest accepted line; a longer one counts as a bad record");
    visit("loader_threads", loader_threads,
          "threads per rank that read and tokenise ahead of training");
    visit("read_ahead_batches", read_ahead_batches, "batches prepared in advance");
  }
};

// What the lengths of the configuration's sequences follow from.
inline ObjectiveOptions objective_options(const DataSection& data) {
  const auto given = [](const AutoInt& length) {
    return length.is_auto ? std::nullopt : std::optional<int64_t>(length.value);
  };
  return {
      data.objective, data.denoisers,      data.noise_density,        data.mean_noise_span,
      data.extra_ids, data.encoder_length, given(data.window_tokens), given(data.decoder_length)};
}

}  // namespace sy
