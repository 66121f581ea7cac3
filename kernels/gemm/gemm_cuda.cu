// SPDX-License-Identifier: Apache-2.0
// GEMMs with cuBLASLt.
#include <map>
#include <mutex>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_trials.h"
#include "kernels/gemm/lt_product_cuda.h"
#include "kernels/gemm/lt_trial_cuda.h"

namespace sy {
namespace {

constexpr int64_t kWorkspaceAlignment = 256;

// The largest power of two up to 256 that divides a pointer.
uint32_t alignment_of(const void* pointer) {
  const auto bits = reinterpret_cast<uintptr_t>(pointer) | 256u;
  return static_cast<uint32_t>(bits & (~bits + 1));
}

struct Choice {
  LtAlgorithm algorithm;
  bool final = false;  // otherwise the next use chooses by time
};

// What was chosen in this process, for each GPU. An Exec of its own, as measurements have,
// multiplies as a run does, and tries nothing twice.
class Choices {
 public:
  static Choices& of_process() {
    static Choices choices;
    return choices;
  }

  std::optional<Choice> find(const LtKey& key) {
    const std::pair place(device(), key);
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(place);
    return found == kept_.end() ? std::nullopt : std::optional(found->second);
  }

  void keep(const LtKey& key, const Choice& choice) {
    const std::pair place(device(), key);
    const std::lock_guard lock(mutex_);
    kept_.insert_or_assign(place, choice);
  }

 private:
  static int device() {
    int number = 0;
    check_cuda(cudaGetDevice(&number), "asking which GPU is in use");
    return number;
  }

  std::mutex mutex_;
  std::map<std::pair<int, LtKey>, Choice> kept_;
};

// One shape's descriptors and, after its first use, its algorithm. That is the first one that runs;
// the second use replaces it by the fastest that computes the same bits. Shapes that are used once,
// as those of dropless experts may be, are not worth a trial.
class CachedGemm {
 public:
  explicit CachedGemm(const LtKey& key) : key_(key), product_(key.shape) {}

  void run(Exec& exec, const LtOperands& operands, void* workspace) {
    if (!choice_) choice_ = Choices::of_process().find(key_);
    if (!choice_) return run_first(exec, operands, workspace);
    if (!choice_->final) choose_by_time(exec, workspace);
    check_cublaslt(queue(exec, choice_->algorithm, operands, workspace), key_.shape);
  }

 private:
  cublasStatus_t queue(Exec& exec, const LtAlgorithm& algorithm, const LtOperands& operands,
                       void* workspace) const {
    const CudaContext& context = cuda(exec);
    return product_.run(context.cublaslt_handle, algorithm, operands, workspace, context.compute);
  }

  // A sum that is computed in parts should not be rounded to c's dtype in between, unless there is
  // no other way.
  std::vector<LtAlgorithm> candidates(Exec& exec) const {
    const cublasLtHandle_t handle = cuda(exec).cublaslt_handle;
    auto found = product_.algorithms(handle, key_, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
    if (found.empty()) found = product_.algorithms(handle, key_, CUBLASLT_REDUCTION_SCHEME_MASK);
    if (found.empty()) throw_cublaslt(key_.shape, "the library has no algorithm for it");
    return found;
  }

  // An offered algorithm may still be refused when it is run.
  void run_first(Exec& exec, const LtOperands& operands, void* workspace) {
    const auto offered = candidates(exec);
    const bool small = key_.shape.flops() < exec.state<GemmTrials>().least_flops;
    cublasStatus_t status = CUBLAS_STATUS_NOT_SUPPORTED;
    for (const LtAlgorithm& algorithm : offered) {
      status = queue(exec, algorithm, operands, workspace);
      if (status != CUBLAS_STATUS_SUCCESS) continue;
      return keep({algorithm, small || offered.size() == 1});
    }
    throw_cublaslt(key_.shape, fmt::format("it offers {} algorithms and runs none of them: {}",
                                           offered.size(), cublaslt().GetStatusName(status)));
  }

  void choose_by_time(Exec& exec, void* workspace) {
    LtTrial trial(exec, product_, key_.shape, workspace);
    keep({trial.fastest(candidates(exec)).value_or(choice_->algorithm), true});
  }

  void keep(const Choice& choice) {
    choice_ = choice;
    Choices::of_process().keep(key_, choice);
  }

  const LtKey key_;
  LtProduct product_;
  std::optional<Choice> choice_;
};

// The first aligned address in memory that has kWorkspaceAlignment bytes to spare.
void* aligned(Tensor memory) {
  const auto place = reinterpret_cast<int64_t>(memory.raw());
  return reinterpret_cast<void*>(round_up(place, kWorkspaceAlignment));
}

struct GemmCache {
  std::map<LtKey, CachedGemm> products;
};

void multiply(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base, const GemmShape& shape) {
  ScratchScope scratch(exec);
  const Tensor memory =
      scratch.take(DType::i32, {(kLtWorkspace + kWorkspaceAlignment) / 4}, "cuBLASLt workspace");
  if (exec.planning || shape.batch * shape.m * shape.n == 0) return;
  if (shape.k == 0) {
    if (shape.options.accumulate) return;
    const auto bytes = static_cast<size_t>(c.bytes());
    const cudaStream_t stream = cuda(exec).compute;
    check_cuda(shape.has_base
                   ? cudaMemcpyAsync(c.raw(), base.raw(), bytes, cudaMemcpyDeviceToDevice, stream)
                   : cudaMemsetAsync(c.raw(), 0, bytes, stream),
               "gemm");
    return;
  }
  if (!shape.has_base) base = c;
  const LtKey key{shape, alignment_of(a.raw()), alignment_of(b.raw()), alignment_of(c.raw()),
                  alignment_of(base.raw())};
  auto& products = exec.state<GemmCache>().products;
  auto place = products.find(key);
  if (place == products.end()) place = products.try_emplace(key, key).first;
  place->second.run(exec, {a.raw(), b.raw(), base.raw(), c.raw()}, aligned(memory));
}

}  // namespace

template <class T>
struct GemmImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base, const GemmShape& shape) {
    multiply(exec, c, a, b, base, shape);
  }
};

template struct GemmImpl<Backend::cuda, float>;
template struct GemmImpl<Backend::cuda, double>;
template struct GemmImpl<Backend::cuda, BFloat16>;

}  // namespace sy
