// SPDX-License-Identifier: Apache-2.0
#include "tests/checkpoint/support.h"

#include <fmt/core.h>

#include "lib/checkpoint/layout.h"

namespace sy::test {
namespace {

// Exact in float32: below 2^24 for the sizes used here.
int64_t element_value(size_t tensor, int64_t index, int64_t version) {
  return version * 1000003 % 8192 * 512 + static_cast<int64_t>(tensor) * 97 + index;
}

void store(const Tensor& tensor, int64_t i, int64_t value) {
  if (tensor.dtype() == DType::f32) {
    tensor.data<float>()[i] = static_cast<float>(value);
  } else if (tensor.dtype() == DType::f64) {
    tensor.data<double>()[i] = static_cast<double>(value);
  } else {
    tensor.data<int32_t>()[i] = static_cast<int32_t>(value);
  }
}

int64_t load(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::f32) return static_cast<int64_t>(tensor.data<float>()[i]);
  if (tensor.dtype() == DType::f64) return static_cast<int64_t>(tensor.data<double>()[i]);
  return tensor.data<int32_t>()[i];
}

}  // namespace

RankModel::RankModel(ModelShape shape, int rank, int ranks, int64_t version)
    : shape_(shape), rank_(rank), ranks_(ranks), version_(version) {
  const int64_t e = shape.experts, d = shape.d_model;
  add("parameters/embedding", DType::f32, {17, d});
  add("parameters/encoder/layers/1/moe/wi", DType::f32, {e, d, 4}, 0, 2);
  add("parameters/encoder/layers/1/moe/wo", DType::f32, {e, 4, d}, 0, 1);
  add("optimizer/encoder/layers/1/moe/wi/row", DType::f64, {e, d}, 0);
  add("optimizer/embedding/column", DType::f64, {d});
  add("optimizer/counts", DType::i32, {5});
  each_element([&](const Tensor& tensor, int64_t i, size_t number, int64_t index) {
    store(tensor, i, element_value(number, index, version_));
    return true;
  });
}

void RankModel::add(const std::string& name, DType dtype, Shape global, int expert_axis,
                    int half_axis) {
  const int halves = ranks_ < 4 ? 1 : 2, groups = ranks_ / halves;
  Slab slab = Slab::whole(global);
  const auto cut = [&slab](int axis, int parts, int part) {
    slab.extent[axis] /= parts;
    slab.offset[axis] = slab.extent[axis] * part;
  };
  int copies = ranks_, copy = rank_;  // of this slab, of which one is written
  if (expert_axis >= 0) {
    cut(expert_axis, groups, rank_ / halves);
    copies = halves, copy = rank_ % halves;
  }
  if (half_axis >= 0) {
    cut(half_axis, halves, rank_ % halves);
    copies = 1, copy = 0;
  }
  memory_.push_back(std::make_unique<Owned>(dtype, slab.extent));
  const bool write = static_cast<int>(tensors_.size()) % copies == copy;
  tensors_.push_back({name, *memory_.back(), global, slab, write});
}

int64_t global_index(const Slab& slab, const Shape& global, int64_t i) {
  int64_t index = 0, stride = 1;
  for (int axis = slab.rank() - 1; axis >= 0; --axis) {
    index += (slab.offset[axis] + i % slab.extent[axis]) * stride;
    i /= slab.extent[axis];
    stride *= global[axis];
  }
  return index;
}

// visit(tensor, local element, tensor's number, global element), until it returns false.
template <class Visit>
void RankModel::each_element(const Visit& visit) const {
  for (size_t number = 0; number < tensors_.size(); ++number) {
    const CheckpointTensor& tensor = tensors_[number];
    for (int64_t i = 0; i < tensor.local.numel(); ++i) {
      if (!visit(tensor.local, i, number, global_index(tensor.slab, tensor.global, i))) return;
    }
  }
}

CheckpointMeta RankModel::meta(int64_t step) const {
  CheckpointMeta meta{step,
                      "run: {name: \"tab\there\"}\n# caf\u00e9 \\\n",
                      fmt::format("{{\"tokens\": {}}}", version_),
                      {},
                      "attempt-1"};
  meta.tokenizer = std::string("pieces\0of ", 10) + std::to_string(version_);
  meta.data_shards = {{"data/a \"1\".gz", 100 + version_, ~uint64_t{0}}, {"data/b.gz", 0, 1}};
  for (int64_t stream = rank_; stream < shape_.streams; stream += ranks_) {
    meta.streams.emplace_back(stream_name(stream), stream_values(stream, version_));
  }
  return meta;
}

void RankModel::clear() {
  each_element([](const Tensor& tensor, int64_t i, size_t, int64_t) {
    store(tensor, i, -1);
    return true;
  });
}

bool RankModel::holds(int64_t version) const {
  bool same = true;
  each_element([&](const Tensor& tensor, int64_t i, size_t number, int64_t index) {
    return same = load(tensor, i) == element_value(number, index, version);
  });
  return same;
}

std::vector<int32_t> stream_values(int64_t number, int64_t version) {
  std::vector<int32_t> values(static_cast<size_t>(number * 50000));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<int32_t>(static_cast<int64_t>(i) * 7 + number - version * 31);
  }
  return values;
}

std::string stream_name(int64_t number) {
  return fmt::format("{:04}", number);
}

void save(const std::string& folder, ModelShape shape, int ranks, int64_t step, int64_t version,
          int64_t keep) {
  std::vector<std::unique_ptr<CheckpointWriter>> writers;
  for (int rank = 0; rank < ranks; ++rank) {
    writers.push_back(std::make_unique<CheckpointWriter>(folder, rank, ranks, keep));
  }
  for (int rank = ranks - 1; rank >= 0; --rank) {
    const RankModel model(shape, rank, ranks, version);
    writers[static_cast<size_t>(rank)]->start(model.tensors(), model.meta(step));
  }
  for (const auto& writer : writers) writer->wait_ready();
  for (const auto& writer : writers) writer->commit();
}

bool reads_as(const std::string& path, ModelShape shape, int ranks, int64_t version) {
  const CheckpointReader reader(path);
  bool same = static_cast<int64_t>(reader.stream_names().size()) == shape.streams;
  for (int rank = 0; rank < ranks; ++rank) {
    RankModel model(shape, rank, ranks, version);
    model.clear();
    reader.read(model.tensors(), CheckpointReader::Extra::refuse);
    same = same && model.holds(version);
  }
  for (int64_t stream = 0; stream < shape.streams; ++stream) {
    same = same && reader.stream(stream_name(stream)) == stream_values(stream, version);
  }
  return same;
}

}  // namespace sy::test
