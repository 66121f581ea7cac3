// SPDX-License-Identifier: Apache-2.0
// Incremental decoding with a model that is sharded over all ranks of the test gives every rank the
// logits of one rank with the whole model, beams included.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/model/decode.h"
#include "lib/tensor/transfer.h"
#include "tests/model/fixture.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 9, kDecoderLength = 5, kPrompts = 3, kRows = 6;

ModelSection section_of(bool sparse, bool tied) {
  ModelSection section = sparse ? tiny_sparse_model(4, 2) : tiny_model();
  section.vocab_size = {false, 16};
  section.num_heads = 4;
  section.d_ff = 8;
  section.tie_embeddings = tied;
  section.activation = tied ? Activation::relu : Activation::geglu;
  return section;
}

struct Decoding {
  Decoding(const ModelSection& section, Mesh& mesh, Exec& exec_)
      : exec(exec_),
        model(section, {kPrompts, kEncoderLength, 0}, mesh, DType::f64, false),
        decoder(model, {kPrompts, kRows, kEncoderLength, kDecoderLength}) {
    decoder.allocate(exec);
    model.params().initialize(exec, 7);
    step.training = false;
  }
  void begin(const Batch& batch) { decoder.begin(exec, model.encode(exec, batch, step)); }
  Tensor next(const std::vector<int32_t>& parents, const std::vector<int32_t>& ids) {
    decoder.select(parents);
    const Tensor logits = decoder.step(exec, ids);
    synchronize(exec);
    return logits;
  }

  Exec& exec;
  SwitchModel model;
  Decoder decoder;
  StepContext step;
};

void check_same(Tensor sharded, Tensor whole) {
  double worst = 0;
  std::vector<double> largest(sharded.data<double>(), sharded.data<double>() + sharded.numel());
  for (int64_t i = 0; i < sharded.numel(); ++i) {
    worst = std::max(worst, std::abs(sharded.data<double>()[i] - whole.data<double>()[i]));
  }
  CHECK(worst < 1e-12);
  // The same bits on every rank, so that all find the same tokens.
  test_world().all_reduce_max(Tensor(largest.data(), DType::f64, {sharded.numel()}), "largest");
  const int64_t apart = std::count_if(largest.begin(), largest.end(), [&, i = 0](double x) mutable {
    return x != sharded.data<double>()[i++];
  });
  CHECK(apart == 0);
}

TEST_CASE("decode_mesh: a sharded model's logits are the whole one's", "[decode_mesh]") {
  const int ranks = test_world().size();
  const bool sparse = GENERATE(true, false), tied = GENERATE(true, false);
  if (test_backend() == Backend::cuda && !sparse) return;
  const ModelSection section = section_of(sparse, tied);
  Exec exec, alone_exec;
  use_test_backend(exec);
  use_test_backend(alone_exec);
  Mesh mesh(test_world(), {ranks, ranks, 1}, group_maker(exec));
  const auto self = make_self_communicator();
  Mesh alone(*self, {});
  Decoding sharded(section, mesh, exec), whole(section, alone, alone_exec);
  const OwnedBatch batch(kEncoderLength, kDecoderLength, 16, {9, 4, 7}, {5, 5, 5});
  sharded.begin(batch.batch());
  whole.begin(batch.batch());
  // One sequence per prompt, then two beams each, which change places, then fewer.
  const std::vector<std::vector<int32_t>> parents{
      {0, 1, 2}, {0, 0, 1, 1, 2, 2}, {1, 0, 3, 3, 5, 4}, {5, 2, 0}};
  for (size_t t = 0; t < parents.size(); ++t) {
    CAPTURE(sparse, tied, t);
    std::vector<int32_t> ids;
    for (size_t i = 0; i < parents[t].size(); ++i) {
      ids.push_back(t == 0 ? 0 : static_cast<int32_t>(1 + (5 * i + 3 * t) % 15));
    }
    check_same(sharded.next(parents[t], ids), whole.next(parents[t], ids));
  }
}

}  // namespace
}  // namespace sy
