// SPDX-License-Identifier: Apache-2.0
// All-reduced gradients, with integer values so that sums are exact in any order.
#include "lib/train/optimizer/grad_reduce.h"

#include <catch2/catch.hpp>

#include "lib/base/random.h"
#include "lib/tensor/transfer.h"
#include "tests/support/gradcheck.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"
#include "tests/train/hand_made_params.h"
#include "tests/train/mesh_splits.h"
#include "tests/train/recording_group.h"

namespace sy {
namespace {
using namespace test;

// The gradient of an element on a rank in a step, from -100 to 100.
double gradient_of(int rank, int step, const Param& param, int64_t element) {
  const RandomKey key{static_cast<uint64_t>(rank), static_cast<uint32_t>(step),
                      static_cast<uint32_t>(param.number)};
  return static_cast<double>(random_below(key, static_cast<uint32_t>(element), 201)) - 100;
}

void set_gradient(const Param& param, const Mesh& mesh, int step) {
  HandMadeParams::fill_gradient<float>(
      param, [&](int64_t element) { return gradient_of(mesh.data_rank(), step, param, element); });
}

// The sum over all data ranks, or for experts over those that hold the same ones.
double expected_sum(const Mesh& mesh, int step, const Param& param, int64_t element) {
  const bool expert = param.placement.cut_by(MeshAxis::expert);
  double sum = 0;
  for (int rank = 0; rank < mesh.shape().data(); ++rank) {
    if (expert && rank % mesh.shape().expert != mesh.expert_rank()) continue;
    sum += gradient_of(rank, step, param, element);
  }
  return sum;
}

// Of what this rank updates.
void check_sums(const ParamStore& params, const Mesh& mesh, int step) {
  for (const Param& param : params.all()) {
    const Tensor sums = param.own_part(param.grad);
    if (sums.numel() == 0) continue;
    const int64_t first = sums.data<float>() - param.grad.data<float>();
    for (int64_t i = 0; i < sums.numel(); ++i) {
      CAPTURE(step, param.name, first + i);
      CHECK(sums.data<float>()[i] ==
            expected_sum(mesh, step, param, HandMadeParams::element(param, first + i)));
    }
  }
}

// From a bucket for each parameter to one bucket for all.
const int64_t kBuckets[] = {1, 20, 40, 1 << 20};

TEST_CASE("grad_reduce: sums over the ranks that hold a parameter", "[grad_reduce]") {
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  const auto exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    for (const int64_t elements : kBuckets) {
      CAPTURE(elements);
      HandMadeParams params(mesh, DType::f32, updated_by);
      GradReducer reducer(params.store, mesh, elements);
      for (int step = 1; step <= 3; ++step) {
        for (const Param& param : params.store.all()) set_gradient(param, mesh, step);
        reducer.finish();
        synchronize(*exec);
        check_sums(params.store, mesh, step);
      }
    }
  });
}

// As in backward, a gradient is complete only just before ready() says so.
TEST_CASE("grad_reduce: the same while gradients come in", "[grad_reduce]") {
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  const auto exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    for (const int64_t elements : kBuckets) {
      for (const int stride : {1, 3}) {
        CAPTURE(elements, stride);
        HandMadeParams params(mesh, DType::f32, updated_by);
        GradReducer reducer(params.store, mesh, elements);
        for (int step = 1; step <= 3; ++step) {
          for (const Param& param : params.store.all()) set_gradient(param, mesh, 100);
          for (int i = static_cast<int>(params.store.all().size()) - 1; i >= 0; --i) {
            set_gradient(params.store.all()[static_cast<size_t>(i)], mesh, step);
            if (i % stride == 0) reducer.ready(i);
          }
          reducer.finish();
          synchronize(*exec);
          check_sums(params.store, mesh, step);
        }
      }
    }
  });
}

// Number of elements of a gradient in the all-reduces started so far, each of which must run over
// the ranks of the parameter.
int64_t covered(const std::vector<RecordingGroup::Start>& starts, const Param& param) {
  const std::string group = param.placement.cut_by(MeshAxis::expert) ? "replicas" : "data";
  const float* begin = param.grad.data<float>();
  int64_t count = 0;
  for (const RecordingGroup::Start& start : starts) {
    const float *first = start.tensor.data<float>(), *last = first + start.tensor.numel();
    const int64_t inside = std::min(last, begin + param.grad.numel()) - std::max(first, begin);
    if (inside <= 0) continue;
    CHECK(start.group == group);
    count += inside;
  }
  return count;
}

TEST_CASE("grad_reduce: a sum starts once its gradients are complete", "[grad_reduce]") {
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  const MeshShape shape = GENERATE(MeshShape{4, 1, 2}, MeshShape{8, 2, 2});
  std::vector<RecordingGroup::Start> starts, broadcasts;
  RecordingGroup world(shape, starts, broadcasts);
  Mesh mesh(world, shape);
  for (const int64_t elements : kBuckets) {
    HandMadeParams params(mesh, DType::f32, updated_by);
    GradReducer reducer(params.store, mesh, elements);
    for (int step = 1; step <= 2; ++step) {
      starts.clear();
      broadcasts.clear();
      for (int ready = static_cast<int>(params.store.all().size()) - 1; ready >= 0; --ready) {
        reducer.ready(ready);
        for (const Param& param : params.store.all()) {
          CAPTURE(elements, step, ready, param.name);
          const int64_t sums = covered(starts, param);
          if (param.number < ready) CHECK(sums == 0);
          if (param.number >= ready && elements == 1) CHECK(sums == param.grad.numel());
          if (ready == 0) CHECK(sums == param.grad.numel());
        }
      }
      reducer.finish();
      if (elements == kBuckets[0]) CHECK(starts.size() == params.store.all().size());
      if (elements == kBuckets[3]) CHECK(starts.size() == params.store.regions().size());
      // What all ranks of a model group hold: the replicated parameters, and experts that are
      // whole.
      CHECK(broadcasts.size() == (shape.model > 1 ? 2 : 0));
      for (const RecordingGroup::Start& broadcast : broadcasts) CHECK(broadcast.group == "model");
    }
  }
}

// Sums of floats depend on their order, which may differ between the groups of two model ranks. The
// copies that a model group holds are those of its first rank all the same.
TEST_CASE("grad_reduce: a model group's copies have the same bits", "[grad_reduce]") {
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  const auto exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    if (mesh.shape().model == 1 || mesh.shape().data() == 1) return;
    HandMadeParams params(mesh, DType::f32, updated_by);
    for (const Param& param : params.store.all()) {
      // As if each model rank's group had rounded its sum in its own way.
      HandMadeParams::fill_gradient<float>(
          param, [&](int64_t element) { return static_cast<double>(element + mesh.model_rank()); });
    }
    GradReducer reducer(params.store, mesh);
    reducer.finish();
    synchronize(*exec);
    for (const Param& param : params.store.all()) {
      const bool cut = param.placement.cut_by(MeshAxis::model);
      const bool expert = param.placement.cut_by(MeshAxis::expert);
      const int holders = expert ? mesh.shape().replicas() : mesh.shape().data();
      // A rank alone with its experts sums nothing, and shares what it has.
      const int64_t apart = cut || holders == 1 ? mesh.model_rank() : 0;
      const Tensor own = param.own_part(param.grad);
      const int64_t begin = own.numel() == 0 ? 0 : own.data<float>() - param.grad.data<float>();
      for (int64_t i = begin; i < begin + own.numel(); ++i) {
        CAPTURE(param.name, i);
        CHECK(param.grad.data<float>()[i] ==
              static_cast<float>(holders * (HandMadeParams::element(param, i) + apart)));
      }
    }
  });
}

// With mesh.sequence_parallel each model rank's gradient of a norm is of its own rows.
TEST_CASE("grad_reduce: what model ranks have in part is summed over them", "[grad_reduce]") {
  const auto exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    const int model = mesh.shape().model;
    HandMadeParams params(mesh, DType::f32, model > 1, UpdatedBy::every_holder, true);
    for (const Param& param : params.store.all()) {
      const bool partial = param.partial_over_model;
      CHECK(partial == (model > 1 && param.name.ends_with("scale")));
      HandMadeParams::fill_gradient<float>(param, [&](int64_t element) {
        return static_cast<double>(element + (partial ? 10 * mesh.model_rank() : 0));
      });
    }
    GradReducer reducer(params.store, mesh);
    reducer.finish();
    synchronize(*exec);
    for (const Param& param : params.store.all()) {
      const bool expert = param.placement.cut_by(MeshAxis::expert);
      const int holders = expert ? mesh.shape().replicas() : mesh.shape().data();
      const int64_t parts = param.partial_over_model ? model : 1;
      for (int64_t i = 0; i < param.grad.numel(); ++i) {
        CAPTURE(param.name, i);
        const int64_t sum = parts * HandMadeParams::element(param, i) +
                            (parts > 1 ? 10 * parts * (parts - 1) / 2 : 0);
        CHECK(param.grad.data<float>()[i] == static_cast<float>(holders * sum));
      }
    }
  });
}

TEST_CASE("grad_reduce: nothing is summed where nobody else holds a parameter", "[grad_reduce]") {
  std::vector<RecordingGroup::Start> starts, broadcasts;
  const int expert = GENERATE(1, 4);
  const MeshShape shape{expert, 1, expert};  // one rank, or every expert on one rank alone
  RecordingGroup world(shape, starts, broadcasts);
  Mesh mesh(world, shape);
  HandMadeParams params(mesh);
  GradReducer reducer(params.store, mesh, 1);
  reducer.finish();
  for (const RecordingGroup::Start& start : starts) CHECK(start.group == "data");
  CHECK(starts.size() == (expert == 1 ? 0 : 4));
}

}  // namespace
}  // namespace sy
