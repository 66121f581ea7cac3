// SPDX-License-Identifier: Apache-2.0
#include "tests/model/fixture.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"

namespace sy::test {
namespace {

template <class T>
void add_noise(Tensor values, const Init& init, const RandomKey& key, double scale) {
  const double center = init.kind == Init::Kind::ones ? 1.0 : 0.0;
  for (int64_t i = 0; i < values.numel(); ++i) {
    const double uniform = random_uniform(key, static_cast<uint64_t>(i));
    values.data<T>()[i] = static_cast<T>(center + scale * (2 * uniform - 1));
  }
}

std::vector<int32_t> prefix_mask(const std::vector<int32_t>& lengths, int64_t length) {
  std::vector<int32_t> mask;
  for (const int32_t real : lengths) {
    for (int64_t i = 0; i < length; ++i) mask.push_back(i < real ? 1 : 0);
  }
  return mask;
}

// Ids in [1, vocab) up to each length, then padding.
std::vector<int32_t> random_ids(const std::vector<int32_t>& lengths, int64_t length, int64_t vocab,
                                uint64_t seed) {
  std::vector<int32_t> ids = prefix_mask(lengths, length);
  const RandomKey key{seed, 0, 0xFFFE};
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] *= 1 + static_cast<int32_t>(random_below(key, i, static_cast<uint32_t>(vocab - 1)));
  }
  return ids;
}

std::vector<int32_t> shifted_right(const std::vector<int32_t>& ids, int64_t length) {
  std::vector<int32_t> shifted(ids.size(), 0);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (static_cast<int64_t>(i) % length != 0) shifted[i] = ids[i - 1];
  }
  return shifted;
}

int64_t count_of(const std::vector<int32_t>& lengths) {
  return static_cast<int64_t>(lengths.size());
}

}  // namespace

ModelSection tiny_model() {
  ModelSection model;
  model.vocab_size = {false, 13};
  model.d_model = 6;
  model.d_kv = 3;
  model.num_heads = 2;
  model.d_ff = 7;
  model.encoder_layers = 2;
  model.decoder_layers = 2;
  model.dropout = 0.0;
  model.relative_buckets = 8;
  model.relative_max_distance = 6;
  model.experts.count = 0;
  return model;
}

ModelSection tiny_sparse_model(int64_t experts, int64_t interval) {
  ModelSection model = tiny_model();
  model.experts.count = experts;
  model.experts.interval = interval;
  model.experts.capacity_factor = 0.7;
  model.experts.min_capacity = 1;
  model.experts.fixed_capacity = 2;
  model.experts.group_sequences = 2;
  return model;
}

ModelSection tiny_hugging_face_model(int64_t experts, int64_t interval) {
  ModelSection model = tiny_sparse_model(experts, interval);
  model.encoder_layers = model.decoder_layers = 4;
  model.experts.convention = Convention::hugging_face;
  model.experts.capacity = CapacityMode::fixed;
  model.experts.group_sequences = 1;
  return model;
}

ModelSection with_token_groups(ModelSection model, int64_t encoder_length, int64_t decoder_length) {
  model.experts.group_tokens.encoder = {false, div_exact(2 * encoder_length, int64_t{3})};
  model.experts.group_tokens.decoder = {false, div_exact(decoder_length, int64_t{2})};
  return model;
}

ModelSection with_noise_and_losses(ModelSection model) {
  model.dropout = 0.2;
  model.experts.jitter = 0.1;
  model.experts.balance_loss = 0.3;
  model.experts.z_loss = 0.2;
  model.experts.dropout = 0.3;
  return model;
}

void randomize(ParamStore& params, uint64_t seed, double scale) {
  for (Param& param : params.all()) {
    const RandomKey key{seed, 1, static_cast<uint32_t>(param.number)};
    if (params.dtype() == DType::f64) {
      add_noise<double>(param.value, param.init, key, scale);
    } else {
      add_noise<float>(param.value, param.init, key, scale);
    }
  }
}

OwnedBatch::OwnedBatch(int64_t encoder_length, int64_t decoder_length, int64_t vocab,
                       const std::vector<int32_t>& encoder_lengths,
                       const std::vector<int32_t>& decoder_lengths, uint64_t seed)
    : memory_(DType::i32, {0}) {
  const BatchShape shape{count_of(encoder_lengths), {encoder_length, decoder_length}};
  memory_ = Owned(DType::i32, {place_batch(batch_, shape, nullptr) / 4});
  place_batch(batch_, shape, static_cast<char*>(memory_.tensor().raw()));
  const auto fill = [](Tensor tensor, const std::vector<int32_t>& values) {
    std::copy(values.begin(), values.end(), tensor.data<int32_t>());
  };
  const auto fill_stream = [&](size_t stream, const std::vector<int32_t>& ids,
                               const std::vector<int32_t>& lengths) {
    fill(batch_.streams[stream].ids, ids);
    fill(batch_.streams[stream].valid, prefix_mask(lengths, shape.lengths[stream]));
    fill(batch_.streams[stream].lengths, lengths);
  };
  const std::vector<int32_t> targets = random_ids(decoder_lengths, decoder_length, vocab, seed + 1);
  fill_stream(kEncoder, random_ids(encoder_lengths, encoder_length, vocab, seed), encoder_lengths);
  fill_stream(kDecoder, shifted_right(targets, decoder_length), decoder_lengths);
  fill(batch_.targets, targets);
}

int64_t OwnedBatch::target_tokens() const {
  const Tensor valid = batch_.streams[kDecoder].valid;
  return std::count(valid.data<int32_t>(), valid.data<int32_t>() + valid.numel(), 1);
}

LayerFixture::LayerFixture(const ModelSection& section) : model(section) {
  step.seed = 3;
  step.step = 2;
  step.first_sequence = 4;
}

LayerContext LayerFixture::context(int64_t sequences, int64_t length, Tensor lengths,
                                   Tensor valid) {
  return {*exec, mesh, model, step, sequences, length, valid, lengths};
}

void LayerFixture::check_params(const std::function<double()>& loss) {
  for (Param& param : store.all()) {
    INFO(param.name);
    CHECK(gradient_error(param.value, param.grad, loss) < kGradientTolerance);
  }
}

ModelFixture::ModelFixture(const ModelSection& section, ModelShape shape, DType dtype,
                           bool training, int threads, Backend backend)
    : exec(std::make_unique<Exec>()), model(section, shape, mesh, dtype, training) {
  use_backend(*exec, backend);
  exec->threads = threads;
  model.allocate(*exec);
  model.params().initialize(*exec, 7);
  step.seed = 3;
}

double ModelFixture::total_loss(const Batch& batch) {
  model.clear_stats(*exec);
  const double cross_entropy = model.forward(*exec, batch, step);
  const ExpertsSection& experts = model.config().experts;
  const RouterStats& stats = model.router_stats();
  const double logit_z = step.logit_z_loss * read_number(*exec, model.logit_z_sum());
  return step.loss_scale * (cross_entropy + logit_z) +
         step.group_scale * (experts.balance_loss * read_number(*exec, stats.balance) +
                             experts.z_loss * read_number(*exec, stats.z));
}

void ModelFixture::clear_gradients() {
  for (const ParamRegion& region : model.params().regions()) {
    std::fill_n(static_cast<char*>(region.grads.raw()), region.grads.bytes(), char(0));
  }
}

void ModelFixture::copy_params_from(SwitchModel& other) {
  for (Param& param : model.params().all()) {
    const Tensor source = other.params().find(param.name)->value;
    for (int64_t i = 0; i < source.numel(); ++i) {
      if (param.value.dtype() == DType::f64) {
        param.value.data<double>()[i] = source.data<double>()[i];
      } else {
        param.value.data<float>()[i] = static_cast<float>(source.data<double>()[i]);
      }
    }
  }
}

}  // namespace sy::test
