// SPDX-License-Identifier: Apache-2.0
// Packed rows give what their examples give alone: logits, loss and gradients, on every mesh. The
// routers' losses are left out, since they are means over groups, which are rows; and so are
// dropout and jitter, which follow places in rows.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/data/batcher.h"
#include "lib/tensor/transfer.h"
#include "tests/model/fixture.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kInputs = 24, kTargets = 14, kExamples = 7, kRows = 2, kInFirstRow = 4;
constexpr int64_t kVocab = 16;
const int64_t kInputTokens[kExamples] = {5, 1, 9, 4, 12, 3, 2};
const int64_t kTargetTokens[kExamples] = {3, 1, 4, 2, 1, 6, 3};

// Sizes that two model ranks can share.
ModelSection shareable(ModelSection section) {
  section.vocab_size = {false, kVocab};
  section.num_heads = 4;
  section.d_ff = section.d_model = 8;
  return section;
}

// No token is dropped, whatever else is in its group.
ModelSection dropless_model() {
  ModelSection model = shareable(tiny_sparse_model(4));
  model.experts.capacity = CapacityMode::dropless;
  model.experts.balance_loss = model.experts.z_loss = 0;
  model.experts.jitter = model.experts.dropout = 0;
  return model;
}

ModelSection attention_experts_model() {
  ModelSection model = dropless_model();
  model.experts.interval = 2;
  model.experts.attention = {{false, {0}}, {false, {0, 1}}};
  return model;
}

std::vector<Example> examples() {
  std::vector<Example> all(kExamples);
  int32_t id = 1;
  for (size_t i = 0; i < kExamples; ++i) {
    for (int64_t n = 0; n < kInputTokens[i]; ++n) {
      id = id * 7 % (kVocab - 1) + 1;
      all[i].inputs.push_back(id);
    }
    for (int64_t n = 0; n < kTargetTokens[i]; ++n) {
      id = id * 11 % (kVocab - 1) + 1;
      all[i].targets.push_back(id);
    }
  }
  return all;
}

std::vector<Example> packed(const std::vector<Example>& alone) {
  std::vector<Example> rows(kRows);
  for (size_t i = 0; i < alone.size(); ++i) {
    Example& row = rows[i < kInFirstRow ? 0 : 1];
    row.inputs.insert(row.inputs.end(), alone[i].inputs.begin(), alone[i].inputs.end());
    row.targets.insert(row.targets.end(), alone[i].targets.begin(), alone[i].targets.end());
    row.input_ends.push_back(static_cast<int32_t>(row.inputs.size()));
    row.target_ends.push_back(static_cast<int32_t>(row.targets.size()));
  }
  return rows;
}

double number(Tensor x, int64_t i) {
  return x.dtype() == DType::f64 ? x.data<double>()[i] : static_cast<double>(x.data<float>()[i]);
}

// Logits [B, kTargets, kVocab] of a batch.
std::vector<double> logits_of(SwitchModel& model, Exec& exec, const Batch& batch, DType dtype,
                              StepContext step) {
  step.training = false;
  const int64_t sequences = batch.sequences();
  std::vector<double> all(static_cast<size_t>(sequences * kTargets * kVocab));
  Owned logits(dtype, {sequences, kVocab});
  for (int64_t position = 0; position < kTargets; ++position) {
    model.logits_at(exec, batch, step, position, logits);
    synchronize(exec);
    for (int64_t i = 0; i < logits.tensor().numel(); ++i) {
      const int64_t place = (i / kVocab * kTargets + position) * kVocab + i % kVocab;
      all[static_cast<size_t>(place)] = number(logits, i);
    }
  }
  return all;
}

// The largest difference between the logits of rows [first, first + rows) and of their examples.
double logit_difference(const std::vector<double>& rows, const std::vector<double>& alone,
                        int64_t first, int64_t count) {
  double worst = 0;
  for (int64_t example = 0, place = 0; example < kExamples; ++example) {
    if (example == kInFirstRow) place = 0;
    const int64_t row = (example < kInFirstRow ? 0 : 1) - first;
    for (int64_t n = 0; n < kTargetTokens[example] * kVocab; ++n) {
      if (row < 0 || row >= count) break;
      const auto at = static_cast<size_t>((row * kTargets + place) * kVocab + n);
      const auto own = static_cast<size_t>(example * kTargets * kVocab + n);
      worst = std::max(worst, std::abs(rows[at] - alone[own]));
    }
    place += kTargetTokens[example];
  }
  return worst;
}

void compare_gradients(Exec& exec, SwitchModel& part, SwitchModel& whole, Mesh& mesh,
                       double bound) {
  for (const ParamRegion& region : part.params().regions()) {
    mesh.reduction_group(region.axes).all_reduce_sum(region.grads, "gradients");
    if (region.partial_over_model) mesh.model().all_reduce_sum(region.grads, "partial sums");
  }
  synchronize(exec);
  for (const Param& param : part.params().all()) {
    const Tensor wanted = whole.params().find(param.name)->grad;
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < param.grad.numel(); ++i) {
      const double exact = number(wanted, index_in_whole(param.slab, param.shape, i));
      worst = std::max(worst, std::abs(number(param.grad, i) - exact));
      largest = std::max(largest, std::abs(exact));
    }
    INFO(param.name);
    CHECK(worst < bound * std::max(largest, 1e-3));
  }
}

// The examples alone on one rank, and their rows on a mesh.
void compare(const ModelSection& section, MeshShape shape, DType dtype, double logit_bound,
             double gradient_bound) {
  const std::vector<Example> alone = examples(), rows = packed(alone);
  ModelFixture whole(section, {kExamples, kInputs, kTargets}, dtype);
  BatchBuilder each(*whole.exec, 1, {kExamples, {kInputs, kTargets}});
  fill_batch(each.host(0), alone, 0);
  each.send();
  const double expected = whole.model.forward(*whole.exec, each.sent(0), whole.step);
  whole.model.backward(*whole.exec, each.sent(0), whole.step);
  synchronize(*whole.exec);

  Exec exec;
  use_test_backend(exec);
  exec.threads = 2;
  Mesh mesh(test_world(), shape, group_maker(exec));
  const int64_t share = kRows / shape.data(), first = share * mesh.data_rank();
  SwitchModel part(section, {share, kInputs, kTargets}, mesh, dtype);
  part.allocate(exec);
  part.params().initialize(exec, 7);
  BatchBuilder builder(exec, 1, {share, {kInputs, kTargets}, kPadId, kPadId, true});
  fill_batch(builder.host(0), rows, first);
  builder.send();
  StepContext step = whole.step;
  step.first_sequence = first;
  double loss = part.forward(exec, builder.sent(0), step);
  part.backward(exec, builder.sent(0), step);
  mesh.host_data().all_reduce_sum(Tensor(&loss, DType::f64, {1}), "loss");
  CHECK(loss == Approx(expected).epsilon(logit_bound));
  compare_gradients(exec, part, whole.model, mesh, gradient_bound);
  const std::vector<double> wanted =
      logits_of(whole.model, *whole.exec, each.sent(0), dtype, whole.step);
  const std::vector<double> got = logits_of(part, exec, builder.sent(0), dtype, step);
  CHECK(logit_difference(got, wanted, first, share) < logit_bound);
}

TEST_CASE("packing: rows give what their examples give alone", "[packing]") {
  const ModelSection section =
      GENERATE(shareable(tiny_model()), dropless_model(), attention_experts_model());
  const auto [dtype, logits, gradients] =
      GENERATE(std::tuple(DType::f64, 1e-12, 1e-12), std::tuple(DType::f32, 1e-5, 1e-4));
  const int ranks = test_world().size();
  const bool sparse = section.experts.count > 0;
  // Kernels executed on the host are slow.
  if (test_backend() == Backend::cuda && (dtype == DType::f64 || !sparse)) return;
  CAPTURE(sparse, name_of(dtype));
  // Data ranks, and model ranks.
  compare(section, {ranks, 1, sparse ? ranks : 1}, dtype, logits, gradients);
  if (ranks > 1) compare(section, {ranks, ranks, 1}, dtype, logits, gradients);
}

}  // namespace
}  // namespace sy
