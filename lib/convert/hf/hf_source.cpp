// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/hf_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/locate.h"
#include "lib/config/config.h"
#include "lib/config/keys.h"
#include "lib/convert/hf/row_blocks.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {
namespace {

constexpr int64_t kLargestConfig = 1 << 24;
constexpr int64_t kCompareBytes = 1 << 20;
// With more unknown names than this, the file holds another model, and no spelling is guessed.
constexpr size_t kMostGuesses = 64;

std::string error_of(const SafetensorsEntry& entry, const HfTensor& expected) {
  if (entry.shape != expected.shape) {
    return fmt::format("{} has the shape {} instead of {}", entry.name, shape_text(entry.shape),
                       shape_text(expected.shape));
  }
  if (float_type_named(entry.dtype)) return "";
  return fmt::format("{} has the type {}; supported are F32, BF16 and F16", entry.name,
                     entry.dtype);
}

// Reports missing and unknown names, and pairs those that are similar.
void add_name_errors(const std::vector<std::string>& missing, const std::vector<std::string>& extra,
                     std::vector<std::string>& errors) {
  const bool guess = missing.size() <= kMostGuesses && extra.size() <= kMostGuesses;
  for (const std::string& name : missing) {
    const std::string near = guess ? nearest_word(name, extra) : "";
    errors.push_back(near.empty()
                         ? fmt::format("{} is missing", name)
                         : fmt::format("{} is missing; {} may be a misspelling of it", name, near));
  }
  for (const std::string& name : extra) {
    errors.push_back(fmt::format("{} is not a tensor of this model", name));
  }
}

std::string read_config(const HfFolder& folder) {
  const std::string path = folder.config_path();
  if (is_lfs_pointer(path)) throw DataError(lfs_message(path));
  return checkpoint::read_text(path, kLargestConfig);
}

// Whether just the decoder and the output projection are missing.
bool is_encoder_only(const std::vector<std::string>& missing) {
  return missing.size() > 1 &&
         std::all_of(missing.begin(), missing.end(), [](const std::string& name) {
           return name.starts_with("decoder.") || name == "lm_head.weight";
         });
}

}  // namespace

HfSource::HfSource(const std::string& path, const std::vector<std::string>& overrides)
    : folder_(path), hf_(parse_hf_config(read_config(folder_), folder_.config_path(), overrides)) {
  settle_dense_stacks(overrides);
  if (hf_.maybe_untied) untie();
  check_tensors();
  note_dtypes();
}

const SafetensorsEntry* HfSource::find(const Param& param, int64_t slice) const {
  const ModelSection& model = hf_.config.model;
  const HfTensor tensor = hf_tensor(param, slice, hf_.family, model.activation);
  if (const SafetensorsEntry* entry = folder_.find(tensor.name)) return entry;
  for (const std::string& alias : hf_aliases(param, model.tie_embeddings)) {
    if (const SafetensorsEntry* entry = folder_.find(alias)) return entry;
  }
  return nullptr;
}

// A list of all missing tensors is of no use if the files hold another model.
void HfSource::check_count(const std::vector<Param>& params) const {
  int64_t needed = 0;
  for (const Param& param : params) needed += slices_of(param);
  const auto found = static_cast<int64_t>(folder_.tensors().size());
  if (needed <= 10 * found + 1000) return;
  throw DataError(fmt::format("{} describes a model of {} tensors, but the files hold {}",
                              folder_.config_path(), needed, found));
}

void HfSource::check_tensors() {
  const ModelSection& model = hf_.config.model;
  const std::vector<Param> params = model_params(model);
  check_count(params);
  std::vector<std::string> errors, missing, extra;
  std::set<std::string> known;
  for (const Param& param : params) {
    for (int64_t slice = 0; slice < slices_of(param); ++slice) {
      const HfTensor expected = hf_tensor(param, slice, hf_.family, model.activation);
      known.insert(expected.name);
      const SafetensorsEntry* entry = find(param, slice);
      if (entry == nullptr) {
        missing.push_back(expected.name);
      } else if (const std::string error = error_of(*entry, expected); !error.empty()) {
        errors.push_back(error);
      }
    }
    for (const std::string& alias : hf_aliases(param, model.tie_embeddings)) known.insert(alias);
    check_copies(param, errors);
  }
  for (const auto& [name, entry] : folder_.tensors()) {
    if (known.contains(name)) continue;
    if (is_unused_by_hf(name)) {
      hf_.warnings.push_back(fmt::format("{} is ignored, as it is by Hugging Face", name));
    } else {
      extra.push_back(name);
    }
  }
  if (errors.empty() && extra.empty() && is_encoder_only(missing)) {
    throw DataError(fmt::format(
        "{} holds an encoder only, such as T5EncoderModel saves: {} tensors of the decoder are "
        "missing, and a model here needs them",
        folder_.path(), missing.size()));
  }
  check_vocabulary(errors);
  add_name_errors(missing, extra, errors);
  if (errors.empty()) return;
  throw DataError(fmt::format("{} does not hold the model of its {}:\n  {}", folder_.path(),
                              kHfConfigName, fmt::join(errors, "\n  ")));
}

void HfSource::settle_dense_stacks(std::vector<std::string> overrides) {
  bool changed = false;
  for (const std::string& stack : hf_.maybe_dense) {
    const int sub_layer = stack == "encoder" ? 1 : 2;
    const std::string router =
        fmt::format("{}.block.1.layer.{}.mlp.router.classifier.weight", stack, sub_layer);
    if (folder_.find(router) != nullptr) continue;
    overrides.push_back(stack + "_sparse_step=0");
    changed = true;
  }
  if (!changed) return;
  hf_ = parse_hf_config(read_config(folder_), folder_.config_path(), overrides);
}

// transformers 5 writes tie_word_embeddings: true also for models with an output projection of
// their own, which then is in the files and differs from the embedding.
void HfSource::untie() {
  const SafetensorsEntry* embedding = folder_.find("shared.weight");
  const SafetensorsEntry* output = folder_.find("lm_head.weight");
  if (output == nullptr) output = folder_.find("decoder.lm_head.weight");
  if (embedding == nullptr || output == nullptr || same_bytes(*embedding, *output)) return;
  ModelSection& model = hf_.config.model;
  const bool scaled = scales_decoder_outputs(model);
  model.tie_embeddings = false;
  model.scale_decoder_outputs = scaled ? AutoBool::on : AutoBool::automatic;
}

// A vocabulary that was resized without its key shows in the table alone.
void HfSource::check_vocabulary(std::vector<std::string>& errors) const {
  const SafetensorsEntry* embedding = folder_.find("shared.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) return;
  const int64_t rows = embedding->shape[0], said = hf_.config.model.vocab_size.value;
  if (rows == said) return;
  errors.insert(errors.begin(),
                fmt::format("vocab_size is {}, but the embedding has {} rows (--set vocab_size={} "
                            "if the tensors are right)",
                            said, rows, rows));
}

// Files may hold a tensor under several names, of which only one is converted.
void HfSource::check_copies(const Param& param, std::vector<std::string>& errors) {
  const SafetensorsEntry* first = find(param, 0);
  for (const std::string& alias : hf_aliases(param, hf_.config.model.tie_embeddings)) {
    const SafetensorsEntry* copy = folder_.find(alias);
    if (copy == nullptr || copy == first || same_bytes(*first, *copy)) continue;
    errors.push_back(fmt::format(
        "{} and {} differ, but are the same parameter in the model{}", first->name, alias,
        alias == "lm_head.weight"
            ? " (if the output projection is separate, use --set tie_word_embeddings=false)"
            : ""));
  }
}

bool HfSource::same_bytes(const SafetensorsEntry& a, const SafetensorsEntry& b) {
  if (a.dtype != b.dtype || a.shape != b.shape) return false;
  std::vector<char> a_bytes(kCompareBytes), b_bytes(kCompareBytes);
  for (int64_t begin = 0; begin < a.bytes; begin += kCompareBytes) {
    const int64_t count = std::min(kCompareBytes, a.bytes - begin);
    folder_.read(a, begin, count, a_bytes.data());
    folder_.read(b, begin, count, b_bytes.data());
    if (std::memcmp(a_bytes.data(), b_bytes.data(), static_cast<size_t>(count)) != 0) return false;
  }
  return true;
}

void HfSource::note_dtypes() {
  std::set<std::string> dtypes;
  for (const auto& [name, entry] : folder_.tensors()) dtypes.insert(entry.dtype);
  if (dtypes.size() == 1) {
    dtype_ = *float_type_named(*dtypes.begin());
  } else {
    hf_.warnings.push_back(fmt::format(
        "the tensors have several types ({}); converting back will write all of them as float32",
        fmt::join(dtypes, ", ")));
  }
}

void HfSource::read(const Param& param, const SliceUse& use) {
  const Shape shape = slice_shape(param);
  std::vector<float> values(static_cast<size_t>(shape.numel())), block;
  std::vector<char> raw;
  for (int64_t slice = 0; slice < slices_of(param); ++slice) {
    const Matrix matrix(hf_tensor(param, slice, hf_.family, hf_.config.model.activation));
    const SafetensorsEntry& entry = *find(param, slice);
    const FloatType type = *float_type_named(entry.dtype);
    const int64_t row_bytes = matrix.cols * static_cast<int64_t>(size_of(type));
    block.resize(static_cast<size_t>(matrix.block_rows() * matrix.cols));
    raw.resize(static_cast<size_t>(matrix.block_rows() * row_bytes));
    for (int64_t row = 0; row < matrix.rows; row += matrix.block_rows()) {
      const int64_t count = std::min(matrix.block_rows(), matrix.rows - row);
      folder_.read(entry, row * row_bytes, count * row_bytes, raw.data());
      to_float32(block.data(), raw.data(), count * matrix.cols, type);
      scatter_rows(values.data(), block.data(), matrix, row, count);
    }
    use(slice, Tensor(values.data(), DType::f32, shape));
  }
}

}  // namespace sy::convert
