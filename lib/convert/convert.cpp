// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/convert.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "lib/base/log.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/locate.h"
#include "lib/convert/checkpoint_sink.h"
#include "lib/convert/checkpoint_source.h"
#include "lib/convert/hf/hf_sink.h"
#include "lib/convert/hf/hf_source.h"
#include "lib/convert/hf/hf_tokenizer.h"
#include "lib/convert/param_stream.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy::convert {
namespace {

// Logs a line every few seconds and one at the end.
class Progress {
 public:
  explicit Progress(int64_t parameters) : parameters_(parameters) {}

  void add(int64_t parameters) {
    done_ += parameters;
    const Clock::time_point now = Clock::now();
    if (done_ < parameters_ && now - told_ < std::chrono::seconds(5)) return;
    told_ = now;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const auto millions = [](int64_t count) { return static_cast<double>(count) * 1e-6; };
    log::info("converted {:.1f} of {:.1f} million parameters ({:.0f} %), {:.0f} million a second",
              millions(done_), millions(parameters_),
              100 * static_cast<double>(done_) / static_cast<double>(parameters_),
              millions(done_) / std::max(seconds, 1e-3));
  }

 private:
  using Clock = std::chrono::steady_clock;
  int64_t parameters_, done_ = 0;
  Clock::time_point begin_ = Clock::now(), told_ = begin_;
};

void warn_all(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) log::warning(warning);
}

std::unique_ptr<ParamSource> open_source(const ConvertOptions& options) {
  if (options.from == Form::switchyard) return std::make_unique<CheckpointSource>(options.in);
  auto source = std::make_unique<HfSource>(options.in, options.overrides);
  warn_all(source->warnings());
  return source;
}

std::unique_ptr<ParamSink> open_sink(const ConvertOptions& options, const ParamSource& source) {
  const HfOrigin origin = source.origin();
  if (options.to == Form::switchyard) {
    return std::make_unique<CheckpointSink>(options.out, source.config(), origin);
  }
  const FloatType dtype = options.dtype.value_or(origin.dtype.value_or(FloatType::f32));
  const HfDescription hf = describe_for_hf(source.config(), origin.family, dtype);
  auto sink = std::make_unique<HfSink>(options.out, source.config().model, hf,
                                       HfSinkOptions{dtype, options.shard_bytes});
  warn_all(hf.warnings);
  return sink;
}

constexpr int64_t kLargestExtra = int64_t{1} << 30;  // bytes
constexpr const char* kHfTokenizer = "spiece.model";

// The path of a file in IN, or "" if there is none: a file listed in a checkpoint's manifest, or
// one that was placed beside it.
std::string find_file(const std::string& folder, const CheckpointReader* checkpoint,
                      const std::string& name) {
  std::string own = checkpoint == nullptr ? "" : checkpoint->file(name);
  if (!own.empty()) return own;
  std::error_code error;
  const std::string path = folder + "/" + name;
  return std::filesystem::exists(path, error) ? path : "";
}

// What transformers needs beside spiece.model, unless a file of IN says it already.
void add_tokenizer_config(std::vector<ExtraFile>& files, const std::string& model,
                          int64_t extra_ids) {
  const bool described = std::any_of(files.begin(), files.end(), [](const ExtraFile& file) {
    return file.name == "tokenizer_config.json" || file.name == "tokenizer.json";
  });
  if (described) return;
  try {
    files.push_back({"tokenizer_config.json", tokenizer_config_json(model, extra_ids)});
  } catch (const DataError& error) {
    log::warn("tokenizer_config.json is not written: {}", error.what());
  }
}

// The files of the tokenizer, which accompany the model. The SentencePiece model is called
// spiece.model by Hugging Face and tokenizer.model in a checkpoint.
std::vector<ExtraFile> tokenizer_files(const ConvertOptions& options, int64_t extra_ids) {
  std::optional<CheckpointReader> reader;
  if (options.from == Form::switchyard) reader.emplace(options.in);
  const auto find = [&](const char* name) {
    return find_file(options.in, reader ? &*reader : nullptr, name);
  };
  const bool to_hf = options.to == Form::hugging_face, from_hf = !reader;
  std::vector<ExtraFile> files;
  const auto take = [&](const std::string& path, const char* name) {
    if (!path.empty()) files.push_back({name, checkpoint::read_text(path, kLargestExtra)});
  };
  std::string model = find(from_hf ? kHfTokenizer : checkpoint::kTokenizerName);
  if (model.empty()) model = find(kHfTokenizer);
  // ByT5Tokenizer has no file of its own.
  if (!to_hf || !is_byte_tokenizer(model)) {
    take(model, to_hf ? kHfTokenizer : checkpoint::kTokenizerName);
  }
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                           "added_tokens.json"}) {
    take(find(name), name);
  }
  if (to_hf && !model.empty()) add_tokenizer_config(files, model, extra_ids);
  if (files.empty()) {
    log::info("{} has no tokenizer; {} has none either", options.in, options.out);
  }
  return files;
}

}  // namespace

void convert_model(const ConvertOptions& given) {
  ConvertOptions options = given;
  if (options.from == Form::switchyard) options.in = locate_checkpoint(options.in);
  std::unique_ptr<ParamSource> source = open_source(options);
  if (options.upcycle > 0) {
    source = upcycle(std::move(source), options.upcycle, options.interval);
  }
  const std::vector<Param> params = model_params(source->config().model);
  int64_t parameters = 0;
  for (const Param& param : params) parameters += param.shape.numel();
  const std::unique_ptr<ParamSink> sink = open_sink(options, *source);
  Progress progress(parameters);
  for (const Param& param : params) {
    source->read(param, [&](int64_t slice, const Tensor& values) {
      sink->write(param, slice, values);
      progress.add(values.numel());
    });
  }
  sink->commit(tokenizer_files(options, source->config().data.extra_ids));
}

}  // namespace sy::convert
