#include <omp.h>

#include <algorithm>
#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "kernels/gemm.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

struct Problem {
  int64_t batch, m, n, k;
};

Problem problem_of(Tensor c, Tensor a, GemmOptions options) {
  return {c.rank() == 3 ? c.dim(0) : 1, c.dim(-2), c.dim(-1), a.dim(options.transpose_a ? -2 : -1)};
}

// oneDNN runs on as many threads as OpenMP would use now, and decides so when a primitive is made.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    if (threads != before_) omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

// batch, m, n, k, threads, and the three options as bits.
using Key = std::array<int64_t, 6>;

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = 0;
    for (const int64_t part : key) {
      hash = (hash ^ static_cast<uint64_t>(part)) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

// A product ready to run: the primitive, and memory objects whose pointers are set at each call.
struct Product {
  dnnl::matmul primitive;
  dnnl::memory a, b, c, scratchpad;
  std::array<dnnl_exec_arg_t, 4> arguments;
  int64_t scratch_bytes;
};

class ProductCache {
 public:
  Product& find(const Problem& p, GemmOptions options, int threads) {
    const int64_t bits = options.transpose_a + 2 * options.transpose_b + 4 * options.accumulate;
    const Key key{p.batch, p.m, p.n, p.k, threads, bits};
    const auto found = products_.find(key);
    if (found != products_.end()) return found->second;
    return products_.emplace(key, make(p, options)).first->second;
  }
  dnnl_stream_t stream() { return stream_.get(); }

 private:
  Product make(const Problem& p, GemmOptions options);
  dnnl::memory view(const dnnl::memory::desc& desc) {
    return dnnl::memory(desc, engine_, DNNL_MEMORY_NONE);
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::unordered_map<Key, Product, KeyHash> products_;
};

// [batch, rows, cols] in row-major memory, or in the memory of its transpose.
dnnl::memory::desc matrix_desc(int64_t batch, int64_t rows, int64_t cols, bool transposed) {
  const int64_t row_stride = transposed ? 1 : cols, col_stride = transposed ? rows : 1;
  if (batch == 1) {
    return {{rows, cols}, dnnl::memory::data_type::f32, {row_stride, col_stride}};
  }
  return {{batch, rows, cols}, dnnl::memory::data_type::f32, {rows * cols, row_stride, col_stride}};
}

Product ProductCache::make(const Problem& p, GemmOptions options) {
  const auto a = matrix_desc(p.batch, p.m, p.k, options.transpose_a);
  const auto b = matrix_desc(p.batch, p.k, p.n, options.transpose_b);
  const auto c = matrix_desc(p.batch, p.m, p.n, false);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (options.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(a, b, c), attributes, engine_);
  Product product{dnnl::matmul(desc),
                  view(a),
                  view(b),
                  view(c),
                  view(desc.scratchpad_desc()),
                  {},
                  static_cast<int64_t>(desc.scratchpad_desc().get_size())};
  product.arguments = {{{DNNL_ARG_SRC, product.a.get()},
                        {DNNL_ARG_WEIGHTS, product.b.get()},
                        {DNNL_ARG_DST, product.c.get()},
                        {DNNL_ARG_SCRATCHPAD, product.scratchpad.get()}}};
  return product;
}

void multiply_with(Exec& exec, const Problem& p, float* c, float* a, float* b,
                   GemmOptions options) {
  const ThreadCount threads(exec.threads);
  ProductCache& cache = exec.state<ProductCache>();
  Product& product = cache.find(p, options, exec.threads);
  ScratchScope scratch(exec);
  const Tensor pad = scratch.take(DType::f32, {ceil_div(product.scratch_bytes, 4)}, "gemm");
  if (exec.planning) return;
  product.a.set_data_handle(a);
  product.b.set_data_handle(b);
  product.c.set_data_handle(c);
  product.scratchpad.set_data_handle(pad.raw());
  // The C interface: the C++ one builds a map and a vector at each call.
  const dnnl_status_t status =
      dnnl_primitive_execute(product.primitive.get(), cache.stream(),
                             static_cast<int>(product.arguments.size()), product.arguments.data());
  dnnl::error::wrap_c_api(status, "execution failed");
}

void multiply(Exec& exec, const Problem& p, float* c, float* a, float* b, GemmOptions options) {
  try {
    multiply_with(exec, p, c, a, b, options);
  } catch (const dnnl::error& error) {
    throw RuntimeFailure(fmt::format("oneDNN cannot multiply (batch {}, {} x {} x {}): {}", p.batch,
                                     p.m, p.n, p.k, error.what()));
  }
}

// Gradient checks only, so simple: rows are dealt to threads, and the sums over k run in order, for
// a block of columns at a time to keep b's panel in cache.
void multiply(Exec& exec, const Problem& p, double* c, double* a, double* b, GemmOptions options) {
  if (exec.planning) return;
  const int64_t a_row = options.transpose_a ? 1 : p.k, a_col = options.transpose_a ? p.m : 1;
  const int64_t b_row = options.transpose_b ? 1 : p.n, b_col = options.transpose_b ? p.k : 1;
  constexpr int64_t kBlock = 64;
#pragma omp parallel for num_threads(exec.threads)
  for (int64_t row = 0; row < p.batch * p.m; ++row) {
    const double* pa = a + row / p.m * p.m * p.k + row % p.m * a_row;
    const double* pb = b + row / p.m * p.k * p.n;
    double* pc = c + row * p.n;
    for (int64_t block = 0; block < p.n; block += kBlock) {
      const int64_t end = std::min(block + kBlock, p.n);
      for (int64_t i = 0; i < p.k; ++i) {
        for (int64_t j = block; j < end; ++j) {
          pc[j] += pa[i * a_col] * pb[i * b_row + j * b_col];
        }
      }
    }
  }
}

}  // namespace

template <class T>
struct GemmImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor c, Tensor a, Tensor b, GemmOptions options) {
    const Problem p = problem_of(c, a, options);
    const bool zero = !options.accumulate && (p.k == 0 || std::is_same_v<T, double>);
    if (zero && !exec.planning) std::fill_n(c.data<T>(), c.numel(), T(0));
    if (c.numel() == 0 || p.k == 0) return;
    multiply(exec, p, c.data<T>(), a.data<T>(), b.data<T>(), options);
  }
};

template struct GemmImpl<Backend::cpu, float>;
template struct GemmImpl<Backend::cpu, double>;

}  // namespace sy
