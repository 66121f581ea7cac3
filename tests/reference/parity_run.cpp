// SPDX-License-Identifier: Apache-2.0
#include "tests/reference/parity_run.h"

#include <omp.h>

#include <filesystem>

#include "lib/convert/checkpoint_source.h"
#include "lib/convert/hf/hf_sink.h"
#include "lib/convert/hf/hf_source.h"
#include "lib/convert/param_stream.h"
#include "tests/reference/parity_batch.h"

namespace sy::test {
namespace {
namespace fs = std::filesystem;
using convert::ParamSource;

std::unique_ptr<ParamSource> open_source(const std::string& path) {
  if (!fs::exists(path + "/" + convert::kHfConfigName)) {
    return std::make_unique<convert::CheckpointSource>(path);
  }
  return std::make_unique<convert::HfSource>(path, std::vector<std::string>{});
}

// As transformers computes it, without dropout and jitter.
ModelSection comparable(ModelSection model) {
  model.experts.convention = Convention::hugging_face;
  model.dropout = 0;
  model.experts.dropout = 0;
  model.experts.jitter = 0;
  return model;
}

double read(const Tensor& tensor, int64_t i) {
  return tensor.dtype() == DType::f64 ? tensor.data<double>()[i]
                                      : static_cast<double>(tensor.data<float>()[i]);
}

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(read(tensor, static_cast<int64_t>(i)));
  }
  return values;
}

// Slice `slice` of a parameter's value or gradient (model_params.h).
Tensor slice_of(const Param& param, const Tensor& whole, int64_t slice) {
  return convert::slices_of(param) == 1 ? whole : whole.slice(slice, 1);
}

class ParityRun {
 public:
  ParityRun(const std::string& path, const std::string& batch, DType dtype)
      : source_(open_source(path)),
        batch_(batch),
        model_(comparable(source_->config().model), batch_.shape(), mesh_, dtype) {
    exec_.threads = omp_get_max_threads();
    model_.allocate(exec_);
    load();
    step_.loss_scale = 1.0 / static_cast<double>(batch_.target_tokens());
    step_.group_scale = 1.0 / static_cast<double>(batch_.shape().sequences);
  }

  void write(const std::string& out) {
    write_tensor_file(out + "/outputs.safetensors", outputs());
    write_gradients(out + "/gradients");
  }

 private:
  void load();
  TensorFile outputs();
  FileTensor logits();
  void write_gradients(const std::string& path);

  std::unique_ptr<ParamSource> source_;
  ParityBatch batch_;
  std::unique_ptr<Communicator> world_ = make_self_communicator();
  Mesh mesh_{*world_, {}};
  Exec exec_;
  SwitchModel model_;
  StepContext step_;
};

void ParityRun::load() {
  for (Param& param : model_.params().all()) {
    source_->read(param, [&](int64_t slice, const Tensor& values) {
      const Tensor to = slice_of(param, param.value, slice);
      for (int64_t i = 0; i < values.numel(); ++i) {
        const float value = values.data<float>()[i];
        if (to.dtype() == DType::f64) {
          to.data<double>()[i] = static_cast<double>(value);
        } else {
          to.data<float>()[i] = value;
        }
      }
    });
  }
}

// Forward and backward; gradients are then in the parameters.
TensorFile ParityRun::outputs() {
  model_.clear_stats(exec_);
  const double entropy = model_.forward(exec_, batch_.batch(), step_) * step_.loss_scale;
  model_.backward(exec_, batch_.batch(), step_);
  const ExpertsSection& experts = model_.config().experts;
  const double balance = *model_.router_stats().balance.data<double>() * step_.group_scale;
  const double z = *model_.router_stats().z.data<double>() * step_.group_scale;
  const auto scalar = [](double value) { return FileTensor{{1}, {static_cast<float>(value)}, {}}; };
  TensorFile file;
  file["cross_entropy"] = scalar(entropy);
  file["loss"] = scalar(entropy + experts.balance_loss * balance + experts.z_loss * z);
  if (experts.count > 0) {
    file["balance_loss"] = scalar(balance);
    file["z_loss"] = scalar(z);
  }
  file["logits"] = logits();
  return file;
}

FileTensor ParityRun::logits() {
  const ModelShape shape = model_.shape();
  const int64_t vocabulary = model_.config().vocab_size.value;
  FileTensor all{{shape.sequences, shape.decoder_length, vocabulary}, {}, {}};
  all.values.resize(static_cast<size_t>(shape.sequences * shape.decoder_length * vocabulary));
  std::vector<double> memory(static_cast<size_t>(shape.sequences * vocabulary));
  const Tensor logits(memory.data(), model_.params().dtype(), {shape.sequences, vocabulary});
  StepContext step = step_;
  step.training = false;
  for (int64_t position = 0; position < shape.decoder_length; ++position) {
    model_.logits_at(exec_, batch_.batch(), step, position, logits);
    for (int64_t b = 0; b < shape.sequences; ++b) {
      const std::vector<float> row = floats_of(logits.slice(b, 1));
      const int64_t begin = (b * shape.decoder_length + position) * vocabulary;
      std::copy(row.begin(), row.end(), all.values.begin() + begin);
    }
  }
  return all;
}

void ParityRun::write_gradients(const std::string& path) {
  const RunConfig& config = source_->config();
  const convert::HfDescription hf =
      describe_for_hf(config, source_->origin().family, convert::FloatType::f32);
  convert::HfSink sink(path, config.model, hf, {});
  for (const Param& param : model_.params().all()) {
    for (int64_t slice = 0; slice < convert::slices_of(param); ++slice) {
      std::vector<float> values = floats_of(slice_of(param, param.grad, slice));
      sink.write(param, slice, Tensor(values.data(), DType::f32, convert::slice_shape(param)));
    }
  }
  sink.commit({});
}

}  // namespace

void run_parity(const std::string& model, const std::string& batch, const std::string& out,
                DType dtype) {
  ParityRun run(model, batch, dtype);
  fs::create_directories(out);
  run.write(out);
}

}  // namespace sy::test
