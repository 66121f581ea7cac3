#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "kernels/gemm.h"
#include "kernels/gemm_log.h"
#include "kernels/gemm_shape.h"

namespace sy {
namespace {

struct ShapeHash {
  size_t operator()(const GemmShape& s) const {
    uint64_t hash = 1469598103934665603u;
    for (const int64_t word :
         {s.batch, s.m, s.n, s.k,
          int64_t{s.options.transpose_a} | int64_t{s.options.transpose_b} << 1 |
              int64_t{s.options.accumulate} << 2}) {
      hash = (hash ^ static_cast<uint64_t>(word)) * 1099511628211u;
    }
    return hash;
  }
};

using Dims = dnnl::memory::dims;

// A row-major matrix, or its transpose, as oneDNN describes it.
dnnl::memory::desc describe(const GemmShape& shape, int64_t rows, int64_t cols, bool transposed) {
  const int64_t row_stride = transposed ? 1 : cols, col_stride = transposed ? rows : 1;
  const auto type = dnnl::memory::data_type::f32;
  if (shape.batch == 1) return {{rows, cols}, type, Dims{row_stride, col_stride}};
  return {{shape.batch, rows, cols}, type, Dims{rows * cols, row_stride, col_stride}};
}

// One product ready to run: the primitive and its arguments, whose pointers are set at each call,
// so that running allocates nothing.
struct Product {
  dnnl::matmul primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  int64_t scratch_bytes = 0;

  Product(const GemmShape& s, const dnnl::engine& engine) {
    const auto a = describe(s, s.m, s.k, s.options.transpose_a);
    const auto b = describe(s, s.k, s.n, s.options.transpose_b);
    const auto c = describe(s, s.m, s.n, false);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (s.options.accumulate) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    const dnnl::matmul::primitive_desc desc({a, b, c}, attributes, engine);
    primitive = dnnl::matmul(desc);
    scratch_bytes = static_cast<int64_t>(desc.scratchpad_desc().get_size());
    const auto argument = [&](int id, const dnnl::memory::desc& md) {
      arguments.emplace(id, dnnl::memory(md, engine, DNNL_MEMORY_NONE));
    };
    argument(DNNL_ARG_SRC, a);
    argument(DNNL_ARG_WEIGHTS, b);
    argument(DNNL_ARG_DST, c);
    argument(DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc());
  }
};

struct ProductCache {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<GemmShape, Product, ShapeHash> products;

  Product& find(const GemmShape& shape) {
    auto place = products.find(shape);
    if (place == products.end()) place = products.try_emplace(shape, shape, engine).first;
    return place->second;
  }
};

// op(a)[i, p] and op(b)[p, j] of one float64 product.
struct Operands {
  const double *a, *b;
  int64_t m, n, k;
  GemmOptions options;
  double left(int64_t i, int64_t p) const {
    return options.transpose_a ? a[p * m + i] : a[i * k + p];
  }
  double right(int64_t p, int64_t j) const {
    return options.transpose_b ? b[j * k + p] : b[p * n + j];
  }
};

void multiply_row(const Operands& x, double* c, int64_t i) {
  for (int64_t p = 0; p < x.k; ++p) {
    const double left = x.left(i, p);
    for (int64_t j = 0; j < x.n; ++j) c[j] += left * x.right(p, j);
  }
}

}  // namespace

template <>
void GemmImpl<Backend::cpu, float>::run(Exec& exec, Tensor c, Tensor a, Tensor b,
                                        const GemmShape& shape) {
  if (shape.batch * shape.m * shape.n == 0) return;
  if (shape.k == 0) {
    if (!shape.options.accumulate && !exec.planning)
      std::memset(c.raw(), 0, static_cast<size_t>(c.bytes()));
    return;
  }
  // A primitive is planned for the threads at its making and must run with the same.
  omp_set_num_threads(exec.threads);
  ProductCache& cache = exec.state<ProductCache>();
  Product& product = cache.find(shape);
  ScratchScope scope(exec);
  const Tensor scratch = scope.take(DType::i32, {(product.scratch_bytes + 3) / 4}, "gemm");
  if (exec.planning) return;
  product.arguments.at(DNNL_ARG_SRC).set_data_handle(a.raw());
  product.arguments.at(DNNL_ARG_WEIGHTS).set_data_handle(b.raw());
  product.arguments.at(DNNL_ARG_DST).set_data_handle(c.raw());
  product.arguments.at(DNNL_ARG_SCRATCHPAD).set_data_handle(scratch.raw());
  product.primitive.execute(cache.stream, product.arguments);
  cache.stream.wait();
  if (exec.profiler.enabled) exec.state<GemmLog>().add(shape);
}

// Gradient checks only: plain loops.
template <>
void GemmImpl<Backend::cpu, double>::run(Exec& exec, Tensor c, Tensor a, Tensor b,
                                         const GemmShape& shape) {
  if (exec.planning) return;
  const int64_t m = shape.m, n = shape.n, k = shape.k;
  double* out = c.data<double>();
  if (!shape.options.accumulate) std::fill(out, out + shape.batch * m * n, 0.0);
#pragma omp parallel for num_threads(exec.threads)
  for (int64_t row = 0; row < shape.batch * m; ++row) {
    const int64_t entry = row / m;
    const Operands x{
        a.data<double>() + entry * m * k, b.data<double>() + entry * k * n, m, n, k, shape.options};
    multiply_row(x, out + row * n, row % m);
  }
}

}  // namespace sy
