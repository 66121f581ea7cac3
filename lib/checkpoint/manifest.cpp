#include "lib/checkpoint/manifest.h"

#include <fmt/ranges.h>

#include <array>
#include <limits>
#include <optional>
#include <set>

#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/layout.h"

namespace sy::checkpoint {
namespace {

constexpr int64_t kFormat = 1;
constexpr int64_t kMostShards = 1 << 20;
constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

// ---- writing: one member a line, so that a diff of two manifests says something

std::string json_of(const FileRecord& file) {
  return fmt::format(R"({{"name": "{}", "bytes": {}, "xxh3": "{}"}})", file.name, file.digest.bytes,
                     to_hex(file.digest.checksum));
}

std::string json_of(const Manifest::Part& part) {
  return fmt::format(R"({{"shard": {}, "xxh3": "{}"}})", part.shard, to_hex(part.checksum));
}

std::string json_of(const std::string& name, DType dtype, const Shape& shape) {
  std::vector<int64_t> dims;
  for (int axis = 0; axis < shape.rank(); ++axis) dims.push_back(shape[axis]);
  return fmt::format(R"("name": "{}", "dtype": "{}", "shape": [{}])", name, name_of(dtype),
                     fmt::join(dims, ", "));
}

template <class Items, class Format>
std::string json_list(const Items& items, const char* separator, const Format& format) {
  std::string list = "[";
  for (const auto& item : items) list += (list.size() == 1 ? "" : separator) + format(item);
  return list + "]";
}

// ---- reading

// Parses a sealed document; the parser owns what the element refers to.
simdjson::dom::element parse_sealed(simdjson::dom::parser& parser, const std::string& text,
                                    const std::string& path) {
  check_seal(text, path);
  simdjson::dom::element root;
  const simdjson::error_code error = parser.parse(text).get(root);
  if (error != simdjson::SUCCESS) {
    throw DataError(fmt::format("{} is not JSON: {}", path, simdjson::error_message(error)));
  }
  return root;
}

void check_format(const JsonObject& root) {
  if (root.integer("format", 0, kLargest) != kFormat) {
    root.fail("format",
              fmt::format("must be {}: another version of this program wrote it", kFormat));
  }
}

std::string read_name(const JsonObject& from, std::set<std::string>& seen) {
  const std::string name = from.text("name");
  if (!valid_name(name)) from.fail("name", "must be a path of letters, digits and _ . -");
  if (!seen.insert(name).second) from.fail("name", fmt::format("repeats {}", name));
  return name;
}

FileRecord read_file_record(const JsonObject& from, const std::string& expected) {
  FileRecord file{from.text("name"), {from.integer("bytes", 0, kLargest), from.checksum("xxh3")}};
  if (file.name != expected) from.fail("name", fmt::format("must be {}", expected));
  return file;
}

DType read_dtype(const JsonObject& from) {
  const std::string name = from.text("dtype");
  for (const DType dtype : {DType::f32, DType::f64, DType::i32}) {
    if (name == name_of(dtype)) return dtype;
  }
  from.fail("dtype", "must be float32, float64 or int32");
}

// A shape of at least one axis whose size in bytes is an int64_t.
Shape read_shape(const JsonObject& from) {
  const std::vector<int64_t> dims = from.integers("shape", 0, kLargest);
  if (dims.empty() || dims.size() > Shape::kMaxRank) {
    from.fail("shape", fmt::format("must have 1 to {} axes", Shape::kMaxRank));
  }
  int64_t bytes = sizeof(double);
  for (const int64_t dim : dims) {
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(dim, 1), &bytes)) {
      from.fail("shape", "is larger than any memory");
    }
  }
  return Shape(dims);
}

Manifest::Part read_part(const JsonObject& from, size_t shards) {
  return {from.integer("shard", 0, static_cast<int64_t>(shards) - 1), from.checksum("xxh3")};
}

Manifest::TensorEntry read_tensor(const JsonObject& from, std::set<std::string>& seen,
                                  size_t shards) {
  Manifest::TensorEntry tensor{read_name(from, seen), read_dtype(from), read_shape(from), {}};
  for (const JsonObject& part : from.objects("parts")) {
    tensor.parts.push_back(read_part(part, shards));
  }
  const auto parts = static_cast<int64_t>(tensor.parts.size());
  if (parts == 0 || tensor.global[0] % parts != 0) {
    from.fail("parts", fmt::format("must be pieces of equal size of {}", tensor.global.str()));
  }
  return tensor;
}

}  // namespace

std::string to_json(const ShardRecord& record) {
  const auto piece = [](const ShardRecord::Piece& item) {
    return fmt::format(R"({{{}, "pieces": {}, "piece": {}, "xxh3": "{}"}})",
                       json_of(item.name, item.dtype, item.global), item.pieces, item.piece,
                       to_hex(item.checksum));
  };
  const auto stream = [](const ShardRecord::Stream& item) {
    return fmt::format(R"({{"name": "{}", "length": {}, "xxh3": "{}"}})", item.name, item.length,
                       to_hex(item.checksum));
  };
  return seal_json(
      fmt::format("{{\"format\": {},\n\"step\": {},\n\"rank\": {},\n\"ranks\": {},\n"
                  "\"attempt\": {},\n\"file\": {},\n\"pieces\": {},\n\"streams\": {},",
                  kFormat, record.step, record.rank, record.ranks, json_quote(record.attempt),
                  json_of(record.file), json_list(record.pieces, ",\n  ", piece),
                  json_list(record.streams, ",\n  ", stream)));
}

std::string to_json(const Manifest& manifest) {
  const auto file = [](const FileRecord& item) { return json_of(item); };
  const auto part = [](const Manifest::Part& item) { return json_of(item); };
  const auto tensor = [&](const Manifest::TensorEntry& item) {
    return fmt::format(R"({{{}, "parts": {}}})", json_of(item.name, item.dtype, item.global),
                       json_list(item.parts, ", ", part));
  };
  const auto stream = [](const Manifest::StreamEntry& item) {
    return fmt::format(R"({{"name": "{}", "length": {}, "part": {}}})", item.name, item.length,
                       json_of(item.part));
  };
  return seal_json(fmt::format(
      "{{\"format\": {},\n\"step\": {},\n\"attempt\": {},\n\"config\": {},\n\"state\": {},\n"
      "\"index\": {},\n\"shards\": {},\n\"tensors\": {},\n\"streams\": {},",
      kFormat, manifest.step, json_quote(manifest.attempt), json_quote(manifest.config_yaml),
      json_quote(manifest.state_json), json_of(manifest.index),
      json_list(manifest.shards, ",\n  ", file), json_list(manifest.tensors, ",\n  ", tensor),
      json_list(manifest.streams, ",\n  ", stream)));
}

ShardRecord parse_shard_record(const std::string& text, const std::string& path) {
  simdjson::dom::parser parser;
  const JsonObject root(parse_sealed(parser, text, path), path);
  check_format(root);
  ShardRecord record;
  record.step = root.integer("step", 0, kLargest);
  record.ranks = root.integer("ranks", 1, kMostShards);
  record.rank = root.integer("rank", 0, record.ranks - 1);
  record.attempt = root.text("attempt");
  record.file = read_file_record(root.object("file"), shard_name(record.rank));
  for (const JsonObject& item : root.objects("pieces")) {
    std::set<std::string> any_name;  // a shard may hold several pieces of a tensor
    ShardRecord::Piece piece{read_name(item, any_name), read_dtype(item), read_shape(item)};
    piece.pieces = item.integer("pieces", 1, kLargest);
    piece.piece = item.integer("piece", 0, piece.pieces - 1);
    piece.checksum = item.checksum("xxh3");
    if (piece.global[0] % piece.pieces != 0) item.fail("pieces", "must divide axis 0");
    record.pieces.push_back(piece);
  }
  std::set<std::string> streams;
  for (const JsonObject& item : root.objects("streams")) {
    record.streams.push_back({read_name(item, streams),
                              item.integer("length", 0, kLargest / int64_t{sizeof(int32_t)}),
                              item.checksum("xxh3")});
  }
  return record;
}

Manifest parse_manifest(const std::string& text, const std::string& path) {
  simdjson::dom::parser parser;
  const JsonObject root(parse_sealed(parser, text, path), path);
  check_format(root);
  Manifest manifest;
  manifest.step = root.integer("step", 0, kLargest);
  manifest.attempt = root.text("attempt");
  manifest.config_yaml = root.text("config");
  manifest.state_json = root.text("state");
  manifest.index = read_file_record(root.object("index"), kIndexName);
  for (const JsonObject& item : root.objects("shards")) {
    const auto shard = static_cast<int64_t>(manifest.shards.size());
    manifest.shards.push_back(read_file_record(item, shard_name(shard)));
  }
  std::set<std::string> tensors, streams;
  for (const JsonObject& item : root.objects("tensors")) {
    manifest.tensors.push_back(read_tensor(item, tensors, manifest.shards.size()));
  }
  for (const JsonObject& item : root.objects("streams")) {
    manifest.streams.push_back({read_name(item, streams),
                                item.integer("length", 0, kLargest / int64_t{sizeof(int32_t)}),
                                read_part(item.object("part"), manifest.shards.size())});
  }
  return manifest;
}

}  // namespace sy::checkpoint
