// Hidden: what the Switch sub-layer costs against its dense twin at a real size, and where the time
// goes. On several ranks each has its own tokens and the experts are spread over all.
//   OMP_NUM_THREADS=2 tests/support/mpirun.sh 1 build/tests/moe_mpi_tests '[.moe_speed]'
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "lib/model/dense_ffn.h"
#include "tests/model/moe_layer.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSequences = 8, kLength = 512;
constexpr int kRepeats = 15;

ModelSection model_at_size() {
  ModelSection model = moe_model();
  model.d_model = 512;
  model.d_ff = 2048;
  model.dropout = 0;
  model.experts.count = 8;
  model.experts.capacity_factor = 1.0;
  model.experts.eval_capacity_factor = 1.0;
  model.experts.dropout = 0;
  return model;
}

// The dense twin with its own memory; its fastest step.
class DenseLayer {
 public:
  explicit DenseLayer(MoeLayer& around) : around_(around) {
    params_ = dense_ffn_params(store_, "ffn", around.model);
    plan();
    for (Arena* arena : {&values_, &grads_, &activations_}) arena->allocate();
    saved_ = plan();
    store_.initialize(1);
  }
  void step(Tensor out, Tensor x, Tensor valid) {
    const LayerContext context = around_.context(valid);
    dense_ffn_forward(context, params_, saved_, out, x, 1);
    dense_ffn_backward(context, params_, saved_, out, x, 1);
  }

 private:
  DenseFfnSaved plan() {
    store_.plan(values_, grads_);
    return dense_ffn_plan(activations_, around_.model, {kSequences, kLength, 1, DType::f32});
  }

  MoeLayer& around_;
  ParamStore store_;
  DenseFfnParams params_;
  Arena values_{"values"}, grads_{"gradients"}, activations_{"saved"};
  DenseFfnSaved saved_;
};

// The fastest of several runs, with the parts of that very run.
struct Fastest {
  double seconds = 1e9;
  Profiler profiler;

  template <class Function>
  void time(Exec& exec, Function&& function) {
    exec.profiler.enabled = true;
    exec.profiler.reset();
    const auto begin = std::chrono::steady_clock::now();
    function();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    all.push_back(spent.count());
    if (spent.count() >= seconds) return;
    seconds = spent.count();
    profiler = exec.profiler;
  }
  double median() const {
    std::vector<double> sorted = all;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  void print(const char* name) const {
    std::printf("%s: fastest %.1f ms, median %.1f, slowest %.1f; %.2f GFLOP;", name, seconds * 1e3,
                median() * 1e3, *std::max_element(all.begin(), all.end()) * 1e3,
                profiler.gemm_flops * 1e-9);
    for (int part = 0; part < static_cast<int>(Part::kCount); ++part) {
      const double spent = profiler.seconds(static_cast<Part>(part));
      if (spent > 0) std::printf(" %s %.1f", name_of(static_cast<Part>(part)), spent * 1e3);
    }
    std::printf("\n");
  }

  std::vector<double> all;
};

TEST_CASE("moe: time against the dense twin", "[.moe_speed]") {
  ModelSection model = model_at_size();
  const bool dropless = GENERATE(false, true);
  if (dropless) model.experts.capacity = CapacityMode::dropless;
  const int ranks = test_world().size();
  Mesh mesh(test_world(), {ranks, 1, ranks});
  const char* threads = std::getenv("OMP_NUM_THREADS");
  MoeLayer layer(model, mesh, kSequences, kLength, DType::f32,
                 threads == nullptr ? 2 : std::atoi(threads));
  const Shape shape{kSequences * kLength, model.d_model};
  Owned x = random_tensor(DType::f32, shape, 1), out(DType::f32, shape);
  Owned valid = valid_tokens(std::vector<int64_t>(kSequences, kLength), kLength);
  DenseLayer twin(layer);
  Fastest dense, sparse;
  // In turns, so that what else the machine does meets both.
  for (int repeat = 0; repeat <= kRepeats; ++repeat) {
    if (repeat == 1) dense = sparse = Fastest();  // the first warms up
    dense.time(layer.exec, [&] { twin.step(out, x, valid); });
    sparse.time(layer.exec, [&] {
      layer.forward(out, x, valid);
      layer.backward(out, x, valid);
    });
  }
  if (test_world().rank() != 0) return;
  dense.print("dense");
  sparse.print(dropless ? "dropless" : "factor 1");
  std::printf("ratio: fastest %.3f, median %.3f\n", sparse.seconds / dense.seconds,
              sparse.median() / dense.median());
}

}  // namespace
}  // namespace sy
