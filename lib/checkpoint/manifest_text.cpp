// SPDX-License-Identifier: Apache-2.0
// Both forms as text, with a line for each member and for each item of a list, so that a diff of
// two manifests shows what differs.
#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {
namespace {

Json json_of(const FileRecord& file) {
  return {
      {"name", file.name}, {"bytes", file.digest.bytes}, {"xxh3", to_hex(file.digest.checksum)}};
}

Json json_of(const DataShard& shard) {
  Json object{{"path", shard.path}, {"bytes", shard.bytes}, {"xxh3", to_hex(shard.checksum)}};
  if (!shard.corpus.empty()) object["corpus"] = shard.corpus;
  return object;
}

Json json_of(const Shape& shape) {
  Json dims = Json::array();
  for (int axis = 0; axis < shape.rank(); ++axis) dims.push_back(shape[axis]);
  return dims;
}

void add_slab(Json& object, const Slab& slab, uint64_t checksum) {
  object["offset"] = json_of(slab.offset);
  object["extent"] = json_of(slab.extent);
  object["xxh3"] = to_hex(checksum);
}

// The members that a tensor has in both forms.
template <class Entry>
Json tensor_head(const Entry& entry) {
  return {{"name", entry.name}, {"dtype", name_of(entry.dtype)}, {"shape", json_of(entry.global)}};
}

Json json_of(const ShardRecord::StoredSlab& stored) {
  Json object = tensor_head(stored);
  add_slab(object, stored.slab, stored.checksum);
  return object;
}

Json json_of(const Manifest::TensorEntry& tensor) {
  Json object = tensor_head(tensor);
  Json& slabs = object["slabs"] = Json::array();
  for (const Manifest::StoredSlab& stored : tensor.slabs) {
    add_slab(slabs.emplace_back(Json{{"shard", stored.shard}}), stored.slab, stored.checksum);
  }
  return object;
}

Json json_of(const ShardRecord::Stream& stream) {
  return {{"name", stream.name}, {"length", stream.length}, {"xxh3", to_hex(stream.checksum)}};
}

Json json_of(const Manifest::StreamEntry& stream) {
  return {{"name", stream.name},
          {"length", stream.length},
          {"shard", stream.shard},
          {"xxh3", to_hex(stream.checksum)}};
}

// An object of a member a line, sealed at the end.
class SealedText {
 public:
  void member(const char* name, const Json& value) { member_text(name, json_line(value)); }

  template <class Item>
  void list(const char* name, const std::vector<Item>& items) {
    std::string text = "[";
    for (const Item& item : items) {
      text += (&item == items.data() ? "" : ",\n  ") + json_line(json_of(item));
    }
    member_text(name, text + "]");
  }

  std::string seal() { return seal_json(std::move(text_)); }

 private:
  void member_text(const char* name, const std::string& value) {
    text_ += (text_.empty() ? "{" : "\n") + json_quote(name) + ": " + value + ",";
  }

  std::string text_;
};

}  // namespace

std::string to_json(const ShardRecord& record) {
  SealedText text;
  text.member("format", kFormat);
  text.member("step", record.step);
  text.member("rank", record.rank);
  text.member("ranks", record.ranks);
  text.member("attempt", record.attempt);
  text.member("file", json_of(record.file));
  text.list("files", record.files);
  text.list("slabs", record.slabs);
  text.list("streams", record.streams);
  return text.seal();
}

std::string to_json(const Manifest& manifest) {
  SealedText text;
  text.member("format", kFormat);
  text.member("step", manifest.step);
  text.member("attempt", manifest.attempt);
  text.member("config", manifest.config_yaml);
  text.member("state", manifest.state_json);
  text.member("index", json_of(manifest.index));
  text.list("shards", manifest.shards);
  text.list("files", manifest.files);
  text.list("data_shards", manifest.data_shards);
  text.list("tensors", manifest.tensors);
  text.list("streams", manifest.streams);
  return text.seal();
}

}  // namespace sy::checkpoint
