// SPDX-License-Identifier: Apache-2.0
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <unordered_map>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_shape.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// oneDNN uses OpenMP's thread count both when a primitive is created and when it runs; the two must
// agree.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

struct ShapeHash {
  size_t operator()(const GemmShape& s) const {
    uint64_t hash = 1469598103934665603u;
    for (const int64_t word :
         {s.batch, s.m, s.n, s.k,
          int64_t{s.options.transpose_a} | int64_t{s.options.transpose_b} << 1 |
              int64_t{s.options.accumulate} << 2 | static_cast<int64_t>(s.in) << 3 |
              static_cast<int64_t>(s.out) << 6 | int64_t{s.options.relu} << 9 |
              int64_t{s.has_base} << 10 | int64_t{s.shared_a} << 11}) {
      hash = (hash ^ static_cast<uint64_t>(word)) * 1099511628211u;
    }
    return hash;
  }
};

using Dims = dnnl::memory::dims;

// Describes `matrices` row-major matrices, or their transposes, to oneDNN.
dnnl::memory::desc describe(const GemmShape& shape, int64_t matrices, int64_t rows, int64_t cols,
                            bool transposed, DType dtype) {
  const int64_t row_stride = transposed ? 1 : cols, col_stride = transposed ? rows : 1;
  const auto type =
      dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
  if (shape.batch == 1) return {{rows, cols}, type, Dims{row_stride, col_stride}};
  return {{matrices, rows, cols}, type, Dims{rows * cols, row_stride, col_stride}};
}

// One GEMM ready to run: the primitive and its arguments, whose pointers are set at each call.
struct CachedGemm {
  dnnl::matmul primitive;
  dnnl::memory a, b, c, base, scratchpad;
  int64_t scratch_bytes = 0;

  CachedGemm(const GemmShape& s, const dnnl::engine& engine) {
    const auto a_desc =
        describe(s, s.shared_a ? 1 : s.batch, s.m, s.k, s.options.transpose_a, s.in);
    const auto b_desc = describe(s, s.batch, s.k, s.n, s.options.transpose_b, s.in);
    const auto c_desc = describe(s, s.batch, s.m, s.n, false, s.out);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::post_ops after;
    if (s.options.accumulate) after.append_sum(1.0f);
    if (s.has_base) after.append_binary(dnnl::algorithm::binary_add, c_desc);
    if (s.options.relu) after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(after);
    const dnnl::matmul::primitive_desc desc({a_desc, b_desc, c_desc}, attributes, engine);
    primitive = dnnl::matmul(desc);
    scratch_bytes = static_cast<int64_t>(desc.scratchpad_desc().get_size());
    a = dnnl::memory(a_desc, engine, DNNL_MEMORY_NONE);
    b = dnnl::memory(b_desc, engine, DNNL_MEMORY_NONE);
    c = dnnl::memory(c_desc, engine, DNNL_MEMORY_NONE);
    base = dnnl::memory(c_desc, engine, DNNL_MEMORY_NONE);
    scratchpad = dnnl::memory(desc.scratchpad_desc(), engine, DNNL_MEMORY_NONE);
  }

  // Uses the C interface, because the C++ one copies its arguments to the heap at each call.
  void run(const dnnl::stream& stream, void* c_data, void* a_data, void* b_data, void* base_data,
           void* scratch) {
    a.set_data_handle(a_data);
    b.set_data_handle(b_data);
    c.set_data_handle(c_data);
    base.set_data_handle(base_data);
    scratchpad.set_data_handle(scratch);
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, a.get()},
        {DNNL_ARG_WEIGHTS, b.get()},
        {DNNL_ARG_DST, c.get()},
        {DNNL_ARG_SCRATCHPAD, scratchpad.get()},
        {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, base.get()}};
    const int count = static_cast<int>(std::size(arguments)) - (base_data == nullptr ? 1 : 0);
    dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive.get(), stream.get(), count, arguments),
                            "could not execute a primitive");
  }
};

struct GemmCache {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<GemmShape, CachedGemm, ShapeHash> products;
  int threads = 0;  // threads that the GEMMs were created for

  CachedGemm& find(const GemmShape& shape, int num_threads) {
    if (num_threads != threads) products.clear();
    threads = num_threads;
    auto place = products.find(shape);
    if (place == products.end()) place = products.try_emplace(shape, shape, engine).first;
    return place->second;
  }
};

// The operands op(a)[i, p] and op(b)[p, j] of one float64 GEMM.
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

// Float32 and bfloat16.
void multiply(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base, const GemmShape& shape) {
  if (shape.batch * shape.m * shape.n == 0) return;
  if (shape.k == 0) {
    if (shape.options.accumulate || exec.planning) return;
    const auto bytes = static_cast<size_t>(c.bytes());
    if (shape.has_base) {
      std::memcpy(c.raw(), base.raw(), bytes);
    } else {
      std::memset(c.raw(), 0, bytes);
    }
    return;
  }
  const ThreadCount threads(exec.threads);
  try {
    GemmCache& cache = exec.state<GemmCache>();
    CachedGemm& product = cache.find(shape, exec.threads);
    ScratchScope scope(exec);
    const Tensor scratch = scope.take(DType::i32, {ceil_div(product.scratch_bytes, 4)}, "gemm");
    if (exec.planning) return;
    product.run(cache.stream, c.raw(), a.raw(), b.raw(), base.raw(), scratch.raw());
  } catch (const dnnl::error& error) {
    throw RuntimeFailure(fmt::format("oneDNN cannot multiply {} {} x {} by {} x {} (batch {}): {}",
                                     name_of(shape.in), shape.m, shape.k, shape.k, shape.n,
                                     shape.batch, error.what()));
  }
}

}  // namespace

template <>
Bfloat16Products GemmSupport<Backend::cpu>::bfloat16() {
  // Each instruction set is the bits of those below it and one of its own.
  const auto has = [isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa())](dnnl::cpu_isa set) {
    return (isa & static_cast<unsigned>(set)) == static_cast<unsigned>(set);
  };
  if (has(dnnl::cpu_isa::avx512_core_bf16)) return Bfloat16Products::native;
  return has(dnnl::cpu_isa::avx512_core) ? Bfloat16Products::emulated : Bfloat16Products::none;
}

template <>
void GemmImpl<Backend::cpu, float>::run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base,
                                        const GemmShape& shape) {
  multiply(exec, c, a, b, base, shape);
}

template <>
void GemmImpl<Backend::cpu, BFloat16>::run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base,
                                           const GemmShape& shape) {
  multiply(exec, c, a, b, base, shape);
}

// Used only by gradient checks, hence plain loops.
template <>
void GemmImpl<Backend::cpu, double>::run(Exec& exec, Tensor c, Tensor a, Tensor b, Tensor base,
                                         const GemmShape& shape) {
  if (exec.planning) return;
  const int64_t m = shape.m, n = shape.n, k = shape.k;
  double* out = c.data<double>();
  if (shape.has_base) {
    std::copy_n(base.data<double>(), c.numel(), out);
  } else if (!shape.options.accumulate) {
    std::fill(out, out + shape.batch * m * n, 0.0);
  }
#pragma omp parallel for num_threads(exec.threads)
  for (int64_t row = 0; row < shape.batch * m; ++row) {
    const int64_t entry = row / m;
    const Operands x{a.data<double>() + (shape.shared_a ? 0 : entry * m * k),
                     b.data<double>() + entry * k * n,
                     m,
                     n,
                     k,
                     shape.options};
    multiply_row(x, out + row * n, row % m);
  }
}

}  // namespace sy
